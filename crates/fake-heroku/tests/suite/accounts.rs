//! Who may see what, at which cost, and the error for everything else.

use fake_heroku::Quota;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use crate::support::{ACME, ACME_DAY, GLOBEX, VIEWER, World, header, refusal};

#[tokio::test]
async fn each_wrong_request_has_its_error_and_a_malformed_one_is_a_violation() {
    let world = World::decompressing();
    let send = |request: RequestBuilder| async { refusal(request.send().await.unwrap()).await };
    let path = ACME_DAY;
    let wrong = |code: u16, id: &str| (StatusCode::from_u16(code).unwrap(), id.to_owned());

    assert_eq!(send(world.request("HRKU-unknown", path)).await, wrong(401, "unauthorized"));
    assert_eq!(send(world.request(VIEWER, path)).await, wrong(403, "forbidden"));
    assert_eq!(send(world.request(GLOBEX, path)).await, wrong(404, "not_found"));
    assert_eq!(
        send(world.request(ACME, "/enterprise-accounts/nobody/events")).await,
        wrong(404, "not_found")
    );
    assert_eq!(world.heroku.violations(), Vec::<String>::new());

    assert_eq!(
        send(world.request(ACME, &format!("{path}&team=team-a"))).await,
        wrong(400, "bad_request")
    );
    assert_eq!(
        send(world.request(ACME, "/enterprise-accounts/acme/events?day=28-09-2024")).await,
        wrong(400, "bad_request")
    );
    let url = world.heroku.url() + path;
    let bare = world.client.get(&url).bearer_auth(ACME).header("user-agent", "test");
    assert_eq!(send(bare).await, wrong(406, "not_acceptable"));
    let anonymous =
        world.client.get(&url).header("accept", "application/vnd.heroku+json; version=3");
    assert_eq!(send(anonymous).await, wrong(400, "bad_request"));
    assert_eq!(world.heroku.violations().len(), 5, "{:?}", world.heroku.violations());

    world.heroku.revoke(ACME);
    assert_eq!(refusal(world.acme_day("").await).await, wrong(401, "unauthorized"));
}

#[tokio::test]
async fn the_quota_belongs_to_the_user_and_an_empty_one_gives_429() {
    let world = World::decompressing();
    world.heroku.set_quota(Quota { capacity: 2, per_hour: 1, retry_after: None });
    let second = "HRKU-demo-acme-0002-not-a-secret";
    let account = world.request(second, "/account").send().await.unwrap();
    assert_eq!(header(&account, "ratelimit-remaining").as_deref(), Some("1"));
    assert_eq!(world.acme_day("").await.status(), 200);
    let limited = world.acme_day("").await;
    assert_eq!(header(&limited, "retry-after"), None);
    assert_eq!(refusal(limited).await, (StatusCode::TOO_MANY_REQUESTS, "rate_limit".into()));
    let left: Value =
        world.request(second, "/account/rate-limits").send().await.unwrap().json().await.unwrap();
    assert_eq!(left["remaining"], 0);
    assert_eq!(world.request(GLOBEX, "/account").send().await.unwrap().status(), 200);
    world.heroku.set_remaining("audit@acme.example.com", 1);
    assert_eq!(world.acme_day("").await.status(), 200);
}

#[tokio::test]
async fn accounts_and_teams_are_visible_to_their_members_only() {
    let world = World::decompressing();
    let get = async |token: &str, path: &str| -> Value {
        world.request(token, path).send().await.unwrap().json().await.unwrap()
    };
    let accounts = get(VIEWER, "/enterprise-accounts").await;
    assert_eq!(accounts[0]["name"], "acme");
    assert_eq!(accounts[0]["permissions"], serde_json::json!(["view"]));
    assert_eq!(get(ACME, "/enterprise-accounts/acme/teams").await.as_array().unwrap().len(), 2);
    assert_eq!(get(ACME, "/teams/team-a").await["enterprise_account"]["name"], "acme");
    assert_eq!(get(ACME, "/teams/hobby").await["enterprise_account"], Value::Null);
    assert_eq!(get(GLOBEX, "/teams/team-a").await["id"], "not_found");
    assert_eq!(get(ACME, "/account").await["email"], "audit@acme.example.com");
}

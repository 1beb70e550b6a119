//! The face: requests in, answers out. What is true, what goes wrong and what is noted lie in other rooms.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query as Parameters, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use uuid::Uuid;

use crate::body;
use crate::faults::Fault;
use crate::journal::{Host, Recorded};
use crate::listing::{self, Query, Range};
use crate::model::User;
use crate::refusal::{RATE_LIMIT, Refusal};
use crate::resources;
use crate::state::Shared;

const ACCEPT: &str = "application/vnd.heroku+json; version=3";

/// The Platform API.
pub(crate) fn api(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer_api).with_state(shared)
}

/// The host that archives are downloaded from.
pub(crate) fn archives(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer_download).with_state(shared)
}

async fn answer_api(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let call = Call::read(&shared, Host::Api, &request);
    let place = shared.arrive(&call.asked, call.violations()).await;
    let mut response = respond(&shared, &call).await.unwrap_or_else(IntoResponse::into_response);
    shared.answered(place, response.status().as_u16());

    let headers = response.headers_mut();
    set(headers, "request-id", &Uuid::new_v4().to_string());
    let state = shared.lock();
    if let Some(user) = call.asked.token.as_deref().and_then(|token| state.model.owner(token)) {
        set(headers, "ratelimit-remaining", &state.buckets.remaining(&user.email, Instant::now()).to_string());
    }
    response
}

/// The checks first, then the script, then the truth.
async fn respond(shared: &Shared, call: &Call) -> Result<Response, Refusal> {
    let asked = &call.asked;
    if asked.accept.as_deref() != Some(ACCEPT) {
        let message = "You must specify a version, or use a supported `Accept` header.";
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", message));
    }
    if asked.user_agent.as_deref().is_none_or(str::is_empty) {
        return Err(Refusal::bad_request("User-Agent header is missing."));
    }
    let user = asked.token.as_deref().and_then(|token| shared.lock().model.owner(token).cloned());
    let Some(user) = user else {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "Invalid credentials provided."));
    };
    let free = asked.path == "/account/rate-limits";
    if !free && !shared.charge(&user.email) {
        let retry_after = shared.lock().buckets.quota.retry_after.clone();
        return Err(Refusal { retry_after, ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit", RATE_LIMIT) });
    }
    let fault = match shared.fault(asked).await.map(|fault| replaced(fault, &call.headers)) {
        Some(Ok(answer)) => return Ok(answer),
        Some(Err(spoils)) => Some(spoils),
        None => None,
    };
    if asked.method != "GET" {
        return Err(Refusal::not_found("resource"));
    }
    let mut response = match call.segments()[..] {
        ["enterprise-accounts", account, "events"] => events(shared, call, account, &user, fault.as_ref())?,
        ref segments => resources::get(&shared.lock(), segments, &user).map(|json| axum::Json(json).into_response())?,
    };
    if let Some(Fault::Header { name, value }) = fault {
        set(response.headers_mut(), &name, &value);
    }
    Ok(response)
}

fn events(
    shared: &Shared,
    call: &Call,
    account: &str,
    user: &User,
    fault: Option<&Fault>,
) -> Result<Response, Refusal> {
    let state = shared.lock();
    resources::manager(&state, account, user)?;
    let query = call.query.as_ref().map_err(Refusal::bad_request)?;
    let range = match (state.paging, &call.range) {
        (listing::Paging::Whole, _) => Range::default(),
        (listing::Paging::Pages { .. }, Ok(range)) => *range,
        (listing::Paging::Pages { .. }, Err(garbage)) => {
            let message = format!("Range is not satisfiable: {garbage}");
            return Err(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "requested_range_not_satisfiable", message));
        }
    };
    let day = state.model.day(account, query.day.unwrap_or_else(|| Utc::now().date_naive()));
    let page = listing::page(&day, query.clone(), state.paging, range);
    let gzip = state.gzip && call.asked.accept_encoding.as_deref().is_some_and(|codings| codings.contains("gzip"));
    drop(state);

    let next_range = match fault {
        Some(Fault::NoNextRange) => None,
        Some(Fault::RepeatPage) => Some(page.own_range),
        _ => page.next_range,
    };
    let partial = next_range.is_some() || matches!(fault, Some(Fault::NoNextRange));
    let mut headers = HeaderMap::new();
    set(&mut headers, "content-type", "application/json");
    set(&mut headers, "accept-ranges", "id");
    for (name, value) in [("content-range", page.content_range), ("next-range", next_range)] {
        if let Some(value) = value {
            set(&mut headers, name, &value);
        }
    }
    let mut pieces = body::array(day, page.positions);
    if matches!(fault, Some(Fault::TrailingGarbage)) {
        pieces = Box::new(pieces.chain(["{\"and\":".into()]));
    }
    if gzip {
        set(&mut headers, "content-encoding", "gzip");
        pieces = body::gzipped(pieces);
    }
    let status = if partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    Ok((status, headers, spoiled(pieces, fault)).into_response())
}

async fn answer_download(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let call = Call::read(&shared, Host::Archive, &request);
    let mut violations = Vec::new();
    if request.headers().contains_key(header::AUTHORIZATION) {
        violations.push(format!("the archive host was sent a token: {}", call.asked.path));
    }
    let place = shared.arrive(&call.asked, violations).await;
    let fault = shared.fault(&call.asked).await.map(|fault| replaced(fault, &call.headers));
    let file = shared.lock().model.download(call.asked.path.trim_start_matches('/'));
    let response = match (fault, file) {
        (Some(Ok(answer)), _) => answer,
        (_, None) => (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response(),
        (spoils, Some(file)) => {
            let spoils = spoils.and_then(Result::err);
            let content = [(header::CONTENT_TYPE, "application/octet-stream")];
            (content, spoiled(Box::new(std::iter::once(file)), spoils.as_ref())).into_response()
        }
    };
    shared.answered(place, response.status().as_u16());
    response
}

/// The answer that a fault gives in place of the true one; or the fault back, if it only spoils that.
fn replaced(fault: Fault, headers: &HeaderMap) -> Result<Response, Fault> {
    let status = |code: u16| StatusCode::from_u16(code).expect("a scripted status is an HTTP status");
    Ok(match fault {
        Fault::Status { code, id, message, retry_after, headers } => {
            let mut response = Refusal { status: status(code), id, message, retry_after }.into_response();
            for (name, value) in headers {
                set(response.headers_mut(), &name, &value);
            }
            response
        }
        Fault::Body { status: code, content_type, bytes } => {
            (status(code), [(header::CONTENT_TYPE, content_type)], bytes).into_response()
        }
        Fault::Redirect { location } => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Fault::EchoToken { status: code } => {
            let id = if code == 401 { "unauthorized" } else { "error" };
            let message = format!("No luck with {}.", text(headers, header::AUTHORIZATION).unwrap_or_default());
            Refusal::new(status(code), id, message).into_response()
        }
        spoils => return Err(spoils),
    })
}

fn spoiled(pieces: body::Pieces, fault: Option<&Fault>) -> Body {
    match fault {
        Some(Fault::CutBody { after_bytes }) => body::cut(pieces, *after_bytes),
        Some(Fault::EndBody { after_bytes }) => body::whole(body::shortened(pieces, *after_bytes)),
        Some(Fault::Trickle { chunk, every }) => body::trickled(pieces, *chunk, *every),
        _ => body::whole(pieces),
    }
}

/// A request, read once.
struct Call {
    asked: Recorded,
    headers: HeaderMap,
    query: Result<Query, String>,
    range: Result<Range, String>,
}

impl Call {
    fn read(shared: &Shared, host: Host, request: &Request) -> Self {
        let headers = request.headers().clone();
        let uri = request.uri();
        let query = Parameters::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| error.to_string())
            .and_then(|Parameters(parameters)| Query::read(&parameters));
        let raw_range = text(&headers, header::RANGE);
        let range = raw_range.as_deref().map_or(Ok(Range::default()), |raw| Range::parse(raw).ok_or(raw.to_owned()));
        let path = uri.path().to_owned();
        let (account, lists_events) = match path.split('/').skip(1).collect::<Vec<_>>()[..] {
            ["enterprise-accounts", account, "events"] => (Some(account), true),
            ["enterprise-accounts", account, ..] => (Some(account), false),
            _ => (None, false),
        };
        let authorization = text(&headers, header::AUTHORIZATION);
        let asked = Recorded {
            at: Instant::now(),
            host,
            method: request.method().to_string(),
            query: uri.query().unwrap_or_default().to_owned(),
            token: authorization.map(|value| value.strip_prefix("Bearer ").map(str::to_owned).unwrap_or(value)),
            user_agent: text(&headers, header::USER_AGENT),
            accept: text(&headers, header::ACCEPT),
            accept_encoding: text(&headers, header::ACCEPT_ENCODING),
            account: account.map(|account| shared.lock().model.name_of(account)),
            day: query.as_ref().ok().and_then(|query| query.day).filter(|_| lists_events),
            page: lists_events.then(|| range.as_ref().map_or(1, |range| range.page())),
            range: raw_range,
            path,
            status: None,
        };
        Self { asked, headers, query, range }
    }

    fn segments(&self) -> Vec<&str> {
        self.asked.path.split('/').skip(1).collect()
    }

    /// What no client of the API should send.
    fn violations(&self) -> Vec<String> {
        let asked = &self.asked;
        let mut wrong = Vec::new();
        if asked.method != "GET" {
            wrong.push("not a GET".to_owned());
        }
        if asked.accept.as_deref() != Some(ACCEPT) {
            wrong.push(format!("Accept is {:?}", asked.accept));
        }
        if asked.user_agent.as_deref().is_none_or(str::is_empty) {
            wrong.push("no User-Agent".to_owned());
        }
        if !text(&self.headers, header::AUTHORIZATION).is_some_and(|value| value.starts_with("Bearer ")) {
            wrong.push("no Authorization: Bearer".to_owned());
        }
        if asked.page.is_some() {
            wrong.extend(self.query.as_ref().err().cloned());
            wrong.extend(self.range.as_ref().err().map(|garbage| format!("Range is {garbage:?}")));
        }
        let (method, path) = (&asked.method, &asked.path);
        wrong.into_iter().map(|what| format!("{method} {path}: {what}")).collect()
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
    // A strange id of an event can't stand in a header.
    headers.insert(name, HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("?")));
}

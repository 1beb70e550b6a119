//! The HTTP layer: requests in, answers out. It holds no state and no rules about the data.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query as Parameters, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::body;
use crate::credentials::{Credentials, accepts_version_3};
use crate::faults::Fault;
use crate::journal::{Host, Recorded};
use crate::listing::{self, Query, Span};
use crate::model::User;
use crate::pages::List;
use crate::range::Range;
use crate::refusal::{RATE_LIMIT, Refusal};
use crate::resources::{self, Resource};
use crate::state::Shared;
use crate::storage;

/// Heroku's published definitions of what audit trails need. The file names its sources.
const SCHEMA: &str = include_str!("../schema.json");

/// The Platform API.
pub(crate) fn api(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer_api).with_state(shared)
}

/// The host that serves archives.
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
        set(
            headers,
            "ratelimit-remaining",
            &state.buckets.remaining(&user.email, Instant::now()).to_string(),
        );
    }
    response
}

/// First the checks, then the scripted faults, then the data.
async fn respond(shared: &Shared, call: &Call) -> Result<Response, Refusal> {
    let asked = &call.asked;
    if !accepts_version_3(&call.headers) {
        let message = "You must specify a version, or use a supported `Accept` header.";
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", message));
    }
    if asked.user_agent.as_deref().is_none_or(str::is_empty) {
        return Err(Refusal::bad_request("User-Agent header is missing."));
    }
    if call.is_for_all() {
        return Ok(([(header::CONTENT_TYPE, "application/json")], SCHEMA).into_response());
    }
    let user = asked.token.as_deref().and_then(|token| shared.lock().model.owner(token).cloned());
    let Some(user) = user else {
        return Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Invalid credentials provided.",
        ));
    };
    let free = asked.path == "/account/rate-limits";
    if !free && !shared.charge(&user.email) {
        let retry_after = shared.lock().buckets.quota.retry_after.clone();
        return Err(Refusal {
            retry_after,
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit", RATE_LIMIT)
        });
    }
    let fault = match shared.fault(asked).await.map(|fault| replaced(fault, &call.headers)) {
        Some(Ok(answer)) => return Ok(answer),
        Some(Err(spoils)) => Some(spoils),
        None => None,
    };
    if !call.only_reads() {
        return Err(Refusal::not_found("resource"));
    }
    let mut response = match call.segments()[..] {
        ["enterprise-accounts", account, "events"] => {
            events(shared, call, account, &user, fault.as_ref())?
        }
        ref segments => {
            let resource = resources::get(&shared.lock(), segments, &user)?;
            described(resource, call)?
        }
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
    let span = match (state.paging, &call.span) {
        (listing::Paging::Whole, span) => span.as_ref().map(Span::order_alone).unwrap_or_default(),
        (listing::Paging::Pages { .. }, Ok(span)) => span.clone(),
        (listing::Paging::Pages { .. }, Err(garbage)) => return Err(Refusal::range(garbage)),
    };
    let day = state.model.day(account, query.day.unwrap_or_else(|| Utc::now().date_naive()));
    let page = listing::page(&day, query.clone(), state.paging, &span);
    let gzip = state.gzip
        && call.asked.accept_encoding.as_deref().is_some_and(|codings| codings.contains("gzip"));
    drop(state);

    let next_range = match fault {
        Some(Fault::NoNextRange) => None,
        Some(Fault::RepeatPage) => Some(page.own_range),
        _ => page.next_range,
    };
    let partial = next_range.is_some() || matches!(fault, Some(Fault::NoNextRange));
    let mut headers = HeaderMap::new();
    set(&mut headers, "content-type", "application/json");
    set(&mut headers, "accept-ranges", listing::FIELD);
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

/// Answer with any resource other than events: an `ETag`, one page of a list, or 304 if the client
/// has the current version.
fn described(resource: Resource, call: &Call) -> Result<Response, Refusal> {
    let mut headers = HeaderMap::new();
    let (status, value) = match resource {
        Resource::One(value) => (StatusCode::OK, value),
        Resource::Many(list) => paged(list, call, &mut headers)?,
    };
    let body = value.to_string();
    let etag = format!("W/\"{}\"", &hex::encode(Sha256::digest(&body))[..32]);
    set(&mut headers, "etag", &etag);
    set(&mut headers, "content-type", "application/json");
    if text(&call.headers, header::IF_NONE_MATCH).is_some_and(|known| known.contains(&etag)) {
        headers.remove(header::CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((status, headers, body).into_response())
}

fn paged(list: List, call: &Call, headers: &mut HeaderMap) -> Result<(StatusCode, Value), Refusal> {
    let raw = call.asked.range.as_deref();
    let unsatisfiable = || Refusal::range(raw.unwrap_or_default());
    let range =
        raw.map_or_else(|| Some(Range::default()), Range::parse).ok_or_else(unsatisfiable)?;
    set(headers, "accept-ranges", &list.fields.join(", "));
    let page = list.page(&range).ok_or_else(unsatisfiable)?;
    let status =
        if page.next_range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    for (name, value) in [("content-range", page.content_range), ("next-range", page.next_range)] {
        if let Some(value) = value {
            set(headers, name, &value);
        }
    }
    Ok((status, Value::Array(page.rows)))
}

async fn answer_download(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let call = Call::read(&shared, Host::Archive, &request);
    // The archive host needs the address alone. A header that identifies the client or its origin
    // leaks a secret.
    let leaked = [header::AUTHORIZATION, header::COOKIE, header::REFERER]
        .iter()
        .filter(|name| call.headers.contains_key(*name))
        .map(|name| format!("the archive host received {name}: {}", call.asked.path))
        .collect();
    let place = shared.arrive(&call.asked, leaked).await;
    let fault = shared.fault(&call.asked).await.map(|fault| replaced(fault, &call.headers));
    let archive = shared.lock().model.download(call.asked.path.trim_start_matches('/')).cloned();
    let mut response = match (fault, archive) {
        (Some(Ok(answer)), _) => answer,
        (_, None) => storage::refusal(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied"),
        (spoils, Some(archive)) => {
            let spoils = spoils.and_then(Result::err);
            let mut response = storage::file(&archive, &call.headers, spoils.as_ref());
            if let Some(Fault::Header { name, value }) = &spoils {
                set(response.headers_mut(), name, value);
            }
            response
        }
    };
    storage::sign(response.headers_mut());
    shared.answered(place, response.status().as_u16());
    response
}

/// The answer that replaces the true one, or the fault itself if it only spoils the true answer.
fn replaced(fault: Fault, headers: &HeaderMap) -> Result<Response, Fault> {
    let status =
        |code: u16| StatusCode::from_u16(code).expect("a scripted status is an HTTP status");
    Ok(match fault {
        Fault::Status { code, id, message, retry_after, headers } => {
            let mut response =
                Refusal { status: status(code), id, message, retry_after }.into_response();
            for (name, value) in headers {
                set(response.headers_mut(), &name, &value);
            }
            response
        }
        Fault::Body { status: code, content_type, bytes } => {
            (status(code), [(header::CONTENT_TYPE, content_type)], bytes).into_response()
        }
        Fault::Redirect { location } => {
            (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
        }
        Fault::EchoToken { status: code } => {
            let id = if code == 401 { "unauthorized" } else { "error" };
            let message = format!(
                "No luck with {}.",
                text(headers, header::AUTHORIZATION).unwrap_or_default()
            );
            Refusal::new(status(code), id, message).into_response()
        }
        spoils => return Err(spoils),
    })
}

/// The body after the fault has changed it.
pub(crate) fn spoiled(pieces: body::Pieces, fault: Option<&Fault>) -> Body {
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
    span: Result<Span, String>,
}

impl Call {
    fn read(shared: &Shared, host: Host, request: &Request) -> Self {
        let headers = request.headers().clone();
        let uri = request.uri();
        let query = Parameters::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| error.to_string())
            .and_then(|Parameters(parameters)| Query::read(&parameters));
        let raw_range = text(&headers, header::RANGE);
        let span = raw_range
            .as_deref()
            .map_or(Ok(Span::default()), |raw| Span::parse(raw).ok_or(raw.to_owned()));
        let path = uri.path().to_owned();
        let (account, lists_events) = match path.split('/').skip(1).collect::<Vec<_>>()[..] {
            ["enterprise-accounts", account, "events"] => (Some(account), true),
            ["enterprise-accounts", account, ..] => (Some(account), false),
            _ => (None, false),
        };
        let authorization = text(&headers, header::AUTHORIZATION);
        let credentials = authorization.as_deref().and_then(Credentials::read);
        let asked = Recorded {
            at: Instant::now(),
            host,
            method: request.method().to_string(),
            query: uri.query().unwrap_or_default().to_owned(),
            scheme: credentials.as_ref().map(|credentials| credentials.scheme),
            token: credentials.map(|credentials| credentials.token).or(authorization),
            user_agent: text(&headers, header::USER_AGENT),
            accept: text(&headers, header::ACCEPT),
            accept_encoding: text(&headers, header::ACCEPT_ENCODING),
            account: account.map(|account| shared.lock().model.name_of(account)),
            day: query.as_ref().ok().and_then(|query| query.day).filter(|_| lists_events),
            page: lists_events.then(|| span.as_ref().map_or(1, Span::page)),
            range: raw_range,
            path,
            status: None,
        };
        Self { asked, headers, query, span }
    }

    fn segments(&self) -> Vec<&str> {
        self.asked.path.split('/').skip(1).collect()
    }

    fn only_reads(&self) -> bool {
        matches!(&*self.asked.method, "GET" | "HEAD")
    }

    /// Whether anyone may read this resource without a token and at no cost.
    fn is_for_all(&self) -> bool {
        self.asked.path == "/schema" && self.only_reads()
    }

    /// What no client of the API should send.
    fn violations(&self) -> Vec<String> {
        let asked = &self.asked;
        let mut wrong = Vec::new();
        if !self.only_reads() {
            wrong.push("neither GET nor HEAD".to_owned());
        }
        if !accepts_version_3(&self.headers) {
            wrong.push(format!("Accept is {:?}", asked.accept));
        }
        if asked.user_agent.as_deref().is_none_or(str::is_empty) {
            wrong.push("no User-Agent".to_owned());
        }
        if asked.scheme.is_none() && !self.is_for_all() {
            wrong.push("no Authorization with a token".to_owned());
        }
        if asked.page.is_some() {
            wrong.extend(self.query.as_ref().err().cloned());
            wrong.extend(self.span.as_ref().err().map(|garbage| format!("Range is {garbage:?}")));
        }
        let (method, path) = (&asked.method, &asked.path);
        wrong.into_iter().map(|what| format!("{method} {path}: {what}")).collect()
    }
}

/// The value of a header, as text.
pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Set a header, in place of any other of that name.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
    // Some event ids are not allowed in a header.
    headers.insert(name, HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("?")));
}

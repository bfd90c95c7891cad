//! What the loopback registry answers when nothing goes wrong.
//!
//! Source: OCI distribution specification 1.1; Docker Registry v2 token authentication.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Blob, digest,
    registry::{Access, Logged, ReferrersApi, State},
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An answer before it is spoilt.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Whether part of it can be asked for.
    pub(crate) fn takes_ranges(&self) -> bool {
        self.status == 200 && self.has("Accept-Ranges")
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }
}

/// Does what `request` asks for.
pub(crate) fn answer(state: &mut State, request: &Logged, body: &[u8]) -> Answer {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    if path == "/token" {
        return give_token(state, request, query, body);
    }
    let Some(rest) = path.strip_prefix("/v2/") else { return refuse(404, "NAME_UNKNOWN") };
    let parts = ["/manifests/", "/referrers/", "/blobs/uploads/", "/blobs/"].iter().find_map(|kind| {
        let (repository, name) = rest.split_once(kind)?;
        Some((*kind, repository, name))
    });
    let action = match request.method.as_str() {
        "GET" | "HEAD" => "pull",
        "DELETE" => "delete",
        _ => "push",
    };
    if let Some(refused) = challenge(state, request, parts.map(|(_, name, _)| name), action) {
        return refused;
    }
    match (request.method.as_str(), parts) {
        ("GET" | "HEAD", Some(("/manifests/", repository, name))) => manifest(state, repository, name),
        ("PUT", Some(("/manifests/", repository, name))) => {
            put_manifest(state, request, repository, name, body)
        }
        ("DELETE", Some(("/manifests/", repository, name))) => delete_manifest(state, repository, name),
        ("GET", Some(("/referrers/", repository, name))) => referrers(state, repository, name, query),
        ("GET" | "HEAD", Some(("/blobs/", repository, name))) => blob(state, repository, name),
        ("POST", Some(("/blobs/uploads/", repository, ""))) => begin(state, request, repository, query),
        ("PATCH" | "PUT", Some(("/blobs/uploads/", repository, number))) => {
            upload(state, request, repository, number, query, body)
        }
        ("GET", None) => found("application/json", b"{}".to_vec()),
        (_, Some(_)) => refuse(405, "UNSUPPORTED"),
        _ => refuse(404, "NAME_UNKNOWN"),
    }
}

fn manifest(state: &State, repository: &str, name: &str) -> Answer {
    let Some(blob) = state.manifest(repository, name) else { return refuse(404, "NAME_UNKNOWN") };
    let answer = found(&blob.media_type, blob.bytes.clone()).with("Docker-Content-Digest", &blob.digest);
    if state.conditions { answer.with("ETag", &etag(&blob.digest)) } else { answer }
}

fn put_manifest(state: &mut State, request: &Logged, repository: &str, name: &str, body: &[u8]) -> Answer {
    let blob = Blob::new(request.header("content-type"), body.to_vec());
    let is_digest = name.contains(':');
    if is_digest && name != blob.digest {
        return refuse(400, "DIGEST_INVALID");
    }
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return refuse(400, "MANIFEST_INVALID") };
    let condition = request.header("if-match");
    if state.conditions && !condition.is_empty() {
        let present = state.manifest(repository, name).map(|blob| etag(&blob.digest));
        if present.as_deref() != Some(condition) {
            return refuse(412, "DENIED");
        }
    }
    let key = |descriptor: &Value| {
        (repository.to_owned(), text(descriptor, "/digest").unwrap_or_default().to_owned())
    };
    let list = |name: &str| document.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let config = document.get("config").cloned();
    let needed: Vec<Value> = config.into_iter().chain(list("layers")).collect();
    let complete = needed.iter().all(|part| state.blobs.contains_key(&key(part)))
        && list("manifests").iter().all(|part| state.manifests.contains_key(&key(part)));
    if !complete {
        return refuse(400, "MANIFEST_BLOB_UNKNOWN");
    }
    let answer = created(&format!("/v2/{repository}/manifests/{}", blob.digest))
        .with("Docker-Content-Digest", &blob.digest);
    state.keep(repository, Some(name).filter(|_| !is_digest), blob);
    match (text(&document, "/subject/digest"), state.referrers_api) {
        (Some(subject), ReferrersApi::On { .. }) => answer.with("OCI-Subject", subject),
        _ => answer,
    }
}

fn delete_manifest(state: &mut State, repository: &str, name: &str) -> Answer {
    let key = (repository.to_owned(), name.to_owned());
    let gone = if name.contains(':') {
        state.tags.retain(|(other, _), digest| other != repository || digest != name);
        state.manifests.remove(&key).is_some()
    } else {
        state.tags.remove(&key).is_some()
    };
    if gone {
        Answer { status: 202, headers: Vec::new(), body: Vec::new() }
    } else {
        refuse(404, "MANIFEST_UNKNOWN")
    }
}

fn referrers(state: &State, repository: &str, subject: &str, query: &str) -> Answer {
    let ReferrersApi::On { filter, page } = state.referrers_api else { return refuse(404, "UNSUPPORTED") };
    let wanted = field(query, "artifactType").filter(|_| filter);
    let mut entries = Vec::new();
    for ((name, _), blob) in &state.manifests {
        let Ok(manifest) = serde_json::from_slice::<Value>(&blob.bytes) else { continue };
        if name != repository || text(&manifest, "/subject/digest") != Some(subject) {
            continue;
        }
        let kind = text(&manifest, "/artifactType").or(text(&manifest, "/config/mediaType"));
        if wanted.as_deref().is_some_and(|wanted| kind != Some(wanted)) {
            continue;
        }
        let mut entry = json!({ "artifactType": kind, "annotations": manifest.get("annotations") });
        if let (Some(entry), Value::Object(descriptor)) = (entry.as_object_mut(), blob.descriptor()) {
            entry.extend(descriptor);
        }
        entries.push(entry);
    }
    let from = field(query, "last").and_then(|last| last.parse::<usize>().ok()).unwrap_or(0);
    let end = from.saturating_add(page.max(1));
    let more = end < entries.len();
    let entries: Vec<Value> = entries.into_iter().skip(from).take(page.max(1)).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    let mut answer = found(INDEX, index.to_string().into_bytes());
    if wanted.is_some() {
        answer.set("OCI-Filters-Applied", "artifactType");
    }
    if more {
        let kind = field(query, "artifactType").map_or(String::new(), |_| {
            let pair = query.split('&').find(|pair| pair.starts_with("artifactType="));
            format!("&{}", pair.unwrap_or_default())
        });
        let next = format!("</v2/{repository}/referrers/{subject}?last={end}{kind}>; rel=\"next\"");
        answer.set("Link", &next);
    }
    answer
}

fn blob(state: &State, repository: &str, name: &str) -> Answer {
    match state.blobs.get(&(repository.to_owned(), name.to_owned())) {
        Some(bytes) => found("application/octet-stream", bytes.to_vec())
            .with("Docker-Content-Digest", name)
            .with("Accept-Ranges", "bytes"),
        None => refuse(404, "BLOB_UNKNOWN"),
    }
}

fn begin(state: &mut State, request: &Logged, repository: &str, query: &str) -> Answer {
    if let (Some(mount), Some(from)) = (field(query, "mount"), field(query, "from")) {
        let source = state.blobs.get(&(from.clone(), mount.clone())).map(Arc::clone);
        // Who may not read there is not told whether it is there.
        if let Some(bytes) = source.filter(|_| challenge(state, request, Some(&from), "pull").is_none()) {
            state.blobs.insert((repository.to_owned(), mount.clone()), bytes);
            return created(&format!("/v2/{repository}/blobs/{mount}")).with("Docker-Content-Digest", &mount);
        }
    }
    let location = state.open_upload(repository);
    Answer { status: 202, ..created(&location) }
}

fn upload(
    state: &mut State,
    request: &Logged,
    repository: &str,
    number: &str,
    query: &str,
    body: &[u8],
) -> Answer {
    let key = (repository.to_owned(), number.to_owned());
    let Some(mut bytes) = state.uploads.remove(&key).filter(|_| query.contains("_state=")) else {
        return refuse(404, "BLOB_UPLOAD_UNKNOWN");
    };
    bytes.extend_from_slice(body);
    if request.method == "PATCH" {
        let location = format!("/v2/{repository}/blobs/uploads/{number}?_state=patched");
        state.uploads.insert(key, bytes);
        return Answer { status: 202, ..created(&location) };
    }
    let name = field(query, "digest").unwrap_or_default();
    if digest(&bytes) != name {
        return refuse(400, "DIGEST_INVALID");
    }
    state.blobs.insert((repository.to_owned(), name.clone()), Arc::new(bytes));
    created(&format!("/v2/{repository}/blobs/{name}")).with("Docker-Content-Digest", &name)
}

/// What a request without the right to `action` is answered with.
fn challenge(state: &mut State, request: &Logged, repository: Option<&str>, action: &str) -> Option<Answer> {
    let sent = request.header("authorization");
    let scope = repository.map(|name| match action {
        "push" => format!("repository:{name}:pull,push"),
        action => format!("repository:{name}:{action}"),
    });
    let challenge = match &mut state.access {
        Access::Anonymous => return None,
        Access::Header(wanted) if sent == wanted => return None,
        Access::Header(_) => "Basic realm=\"test\"".to_owned(),
        Access::Token { requests, .. } => {
            let good = sent.strip_prefix("Bearer ").and_then(|token| state.tokens.get(token));
            let good = good.is_some_and(|scopes| {
                repository.is_none_or(|name| scopes.iter().any(|scope| covers(scope, name, action)))
            });
            if good && *requests > 0 {
                *requests -= 1;
                return None;
            }
            if good {
                state.tokens.clear();
                *requests = usize::MAX;
            }
            let realm = format!("{}://{}/token", state.scheme, request.header("host"));
            let scope = scope.unwrap_or_default();
            format!("Bearer realm=\"{realm}\",service=\"test\",scope=\"{scope}\"")
        }
    };
    Some(refuse(401, "UNAUTHORIZED").with("WWW-Authenticate", &challenge))
}

/// Whether `scope`, `repository:NAME:ACTION,…`, covers `action` in `repository`.
fn covers(scope: &str, repository: &str, action: &str) -> bool {
    let granted = scope.strip_prefix("repository:").and_then(|rest| rest.rsplit_once(':'));
    granted.is_some_and(|(name, actions)| name == repository && actions.split(',').any(|one| one == action))
}

fn give_token(state: &mut State, request: &Logged, query: &str, body: &[u8]) -> Answer {
    let body = String::from_utf8_lossy(body).into_owned();
    let granted = match &state.access {
        Access::Token { wants: Some(wants), .. } => {
            request.header("authorization") == wants || body.contains(wants)
        }
        _ => true,
    };
    if !granted {
        return refuse(401, "UNAUTHORIZED");
    }
    let form = if request.method == "POST" { body.as_str() } else { query };
    let asked = form.split('&').filter_map(|pair| pair.strip_prefix("scope="));
    let scopes = asked.flat_map(|scopes| decode(scopes).split(' ').map(str::to_owned).collect::<Vec<_>>());
    state.given += 1;
    let token = format!("token-{}", state.given);
    state.tokens.insert(token.clone(), scopes.collect());
    let name = if request.method == "POST" { "access_token" } else { "token" };
    found("application/json", json!({ name: token, "expires_in": 60 }).to_string().into_bytes())
}

fn found(media_type: &str, body: Vec<u8>) -> Answer {
    Answer { status: 200, headers: vec![("Content-Type".to_owned(), media_type.to_owned())], body }
}

fn created(location: &str) -> Answer {
    Answer { status: 201, headers: vec![("Location".to_owned(), location.to_owned())], body: Vec::new() }
}

fn refuse(status: u16, code: &str) -> Answer {
    let body = json!({ "errors": [{ "code": code, "message": "not here" }] }).to_string();
    Answer { status, ..found("application/json", body.into_bytes()) }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn etag(digest: &str) -> String {
    format!("\"{digest}\"")
}

/// A field of a query, decoded.
fn field(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| decode(value))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

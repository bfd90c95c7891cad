//! The services over HTTP on this machine's loopback address, with faults.
//!
//! Sources: Fulcio's API of version 2, Rekor's APIs of versions 1 and 2, RFC 3161 (section 3.4), GitHub's reference of
//! `OpenID` Connect.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::{
    Signing, Sigstore, Subject, der,
    entry::{self, Entry},
    keys::{from_pem, is_signed, pem, spki_of},
    timestamp::{Query, stamp},
    tuf::{self, Files},
};
use crate::{Fault, FaultKind};

/// A [`Sigstore`] that answers over HTTP, until it is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    sigstore: Sigstore,
    stopped: AtomicBool,
    faults: Mutex<Vec<Fault>>,
    log: Mutex<Vec<String>>,
    /// What the CI system's token service hands out.
    job: Mutex<String>,
    /// The TUF repository.
    tuf: Mutex<Files>,
}

/// What a job shows to the CI system's token service.
pub const JOB_SECRET: &str = "what-only-the-job-knows";

/// An identity token, with no signature: of an address, if `subject` looks like one.
pub fn token(issuer: &str, subject: &str) -> String {
    let mut claims = json!({
        "iss": issuer, "sub": subject, "aud": "sigstore", "iat": 1_600_000_000_u64, "exp": 4_000_000_000_u64,
    });
    if let (true, Some(claims)) = (subject.contains('@') && !subject.contains("://"), claims.as_object_mut())
    {
        claims.insert("email".to_owned(), json!(subject));
        claims.insert("email_verified".to_owned(), json!(true));
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(&json!({"alg": "none", "typ": "JWT"})),
        part(&claims),
        URL_SAFE_NO_PAD.encode("none")
    )
}

impl Loopback {
    /// Starts new services on a free port.
    ///
    /// # Panics
    ///
    /// If the machine has no loopback address with a free port.
    pub fn start() -> Self {
        Self::serve(Sigstore::new())
    }

    /// Lets these services be asked, on a free port.
    ///
    /// # Panics
    ///
    /// If the machine has no loopback address with a free port.
    #[expect(clippy::expect_used, reason = "a test that cannot start its services has failed")]
    pub fn serve(sigstore: Sigstore) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            sigstore,
            stopped: AtomicBool::new(false),
            faults: Mutex::new(Vec::new()),
            log: Mutex::new(Vec::new()),
            job: Mutex::new(token("https://ci.sigstore.test", "https://ci.sigstore.test/job")),
            tuf: Mutex::new(Files::new()),
        });
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let state = Arc::clone(&shared);
                if let Ok(stream) = stream {
                    // A client that hangs up is none of the services' business.
                    std::thread::spawn(move || drop(state.serve(stream)));
                }
            }
        });
        Self { address, state, acceptor: Some(acceptor) }
    }

    /// The address of Fulcio and both logs: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of the time-stamp authority.
    pub fn timestamp_url(&self) -> String {
        format!("{}/api/v1/timestamp", self.url())
    }

    /// The address of the CI system's token service.
    pub fn job_url(&self) -> String {
        format!("{}/job/token?api-version=2.0", self.url())
    }

    /// `signing_config.json`, with the log of version 1 or 2.
    pub fn signing_config(&self, version: u32) -> String {
        let service = |url: String, version: u32| {
            json!([{
                "url": url,
                "majorApiVersion": version,
                "operator": "sigstore.test",
                "validFor": {"start": der::rfc3339(super::BEGIN)},
            }])
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(self.url(), 1),
            "oidcUrls": service(self.url(), 1),
            "rekorTlogUrls": service(self.url(), version),
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": service(self.timestamp_url(), 1),
            "tsaConfig": {"selector": "ANY"},
        })
        .to_string()
    }

    /// Starts a TUF repository at [`tuf_url`](Self::tuf_url) with the trusted root and a signing configuration, both
    /// valid until `expires` (seconds since 1970), and gives its first `root.json`.
    pub fn publish(&self, version: u32, expires: u64) -> String {
        let (root, config) = (self.trusted_root(), self.signing_config(version));
        let targets = [("trusted_root.json", root.as_str()), ("signing_config.v0.2.json", config.as_str())];
        let files = tuf::repository(&targets, expires);
        let first = files.get("1.root.json").map(|root| String::from_utf8_lossy(root).into_owned());
        *lock(&self.state.tuf) = files;
        first.unwrap_or_default()
    }

    /// The address of the TUF repository.
    pub fn tuf_url(&self) -> String {
        format!("{}/tuf", self.url())
    }

    /// Lets something go wrong for the next requests whose path holds `path`: all kinds but those that only registries
    /// know, which change nothing.
    pub fn fault(&self, path: &str, times: usize, kind: FaultKind) {
        lock(&self.state.faults).push(Fault { method: None, path: path.to_owned(), times, kind });
    }

    /// Sets what the CI system's token service hands out.
    pub fn job_token(&self, token: &str) {
        token.clone_into(&mut lock(&self.state.job));
    }

    /// The requests so far: method and path.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.log).clone()
    }
}

impl Deref for Loopback {
    type Target = Sigstore;

    fn deref(&self) -> &Sigstore {
        &self.state.sigstore
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        // Wakes the acceptor, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

struct Request {
    method: String,
    path: String,
    authorization: String,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    media_type: &'static str,
    /// Further header lines.
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            media_type: "application/json",
            headers: String::new(),
            body: body.to_string().into_bytes(),
        }
    }

    fn refusal(reason: &str) -> Self {
        Self::json(400, &json!({"code": 3, "message": reason}))
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut out = stream.try_clone()?;
        let Some(request) = read_request(&mut BufReader::new(stream))? else { return Ok(()) };
        lock(&self.log).push(format!("{} {}", request.method, request.path));
        let fault = self.next_fault(&request.path);
        match &fault {
            Some(FaultKind::Status(status, headers, body)) => {
                return write!(
                    out,
                    "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
            Some(FaultKind::Redirect(location)) => {
                return write!(
                    out,
                    "HTTP/1.1 307 X\r\nConnection: close\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
                );
            }
            Some(FaultKind::Raw(bytes)) => return out.write_all(bytes),
            Some(FaultKind::Hangup) => return Ok(()),
            Some(FaultKind::Silence(duration)) => {
                std::thread::sleep(*duration);
                return Ok(());
            }
            _ => {}
        }
        let mut answer = self.answer(&request);
        if let Some(FaultKind::Body(body)) = &fault {
            answer.body.clone_from(body);
        }
        write!(
            out,
            "HTTP/1.1 {} X\r\nConnection: close\r\nContent-Type: {}\r\n{}Content-Length: {}\r\n\r\n",
            answer.status,
            answer.media_type,
            answer.headers,
            answer.body.len()
        )?;
        match fault {
            Some(FaultKind::DropAfter(count)) => answer.body.truncate(count),
            Some(FaultKind::OtherBytes) => answer.body.iter_mut().for_each(|byte| *byte ^= 0xff),
            _ => {}
        }
        out.write_all(&answer.body)?;
        out.flush()
    }

    fn next_fault(&self, path: &str) -> Option<FaultKind> {
        let mut faults = lock(&self.faults);
        let fault = faults.iter_mut().find(|fault| fault.times > 0 && path.contains(&fault.path))?;
        fault.times -= 1;
        Some(fault.kind.clone())
    }

    fn answer(&self, request: &Request) -> Answer {
        let json = || serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let path = request.path.split('?').next().unwrap_or_default();
        let answer = match (request.method.as_str(), path) {
            ("POST", "/api/v2/signingCert") => self.certify(&json(), &request.authorization),
            ("POST", "/api/v1/log/entries") => self.log_v1(&json()),
            ("POST", "/api/v2/log/entries") => self.log_v2(&json()),
            ("POST", "/api/v1/timestamp") => self.time_stamp(&request.body),
            ("GET", "/job/token") => self.job(request),
            ("GET", path) if path.starts_with("/tuf/") => Ok(self.tuf(path)),
            _ => Ok(Answer::json(404, &json!({"message": "there is nothing here"}))),
        };
        answer.unwrap_or_else(Answer::refusal)
    }

    /// Fulcio: a certificate for a key that signs its owner's name.
    fn certify(&self, request: &Value, authorization: &str) -> Result<Answer, &'static str> {
        let given = text(request, "/credentials/oidcIdentityToken");
        let token = given.or_else(|| authorization.strip_prefix("Bearer ")).ok_or("no token")?;
        let claims = token.split('.').nth(1).ok_or("the token is no JWT")?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_error| "the token is no JWT")?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_error| "the token has no claims")?;
        if text(&claims, "/aud") != Some("sigstore") {
            return Err("the token is for another audience");
        }
        if claims.get("exp").and_then(Value::as_u64).is_none_or(|end| end <= self.sigstore.now()) {
            return Err("the token has expired");
        }
        let issuer = text(&claims, "/iss").ok_or("the token has no issuer")?;
        let address = text(&claims, "/email");
        if address.is_some() && claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err("the address is not verified");
        }
        let name = address.or_else(|| text(&claims, "/sub")).ok_or("the token has no subject")?;
        let key = text(request, "/publicKeyRequest/publicKey/content").ok_or("no key")?;
        let key = from_pem(key).ok_or("the key is no PEM")?;
        let proof = text(request, "/publicKeyRequest/proofOfPossession").ok_or("no proof")?;
        let proof = STANDARD.decode(proof).map_err(|_error| "the proof is no Base64")?;
        if !is_signed(&key, name.as_bytes(), &proof) {
            return Err("the proof of possession is none");
        }
        let subject = match (address, name.contains("://")) {
            (Some(address), _) => Subject::Email(address.to_owned()),
            (None, true) => Subject::Uri(name.to_owned()),
            (None, false) => Subject::UserName(name.to_owned()),
        };
        let signing = Signing::by(subject, issuer);
        let certificate = self.sigstore.certificate(&signing.leaf, &key, &signing);
        let chain = [&certificate, &self.sigstore.intermediate.certificate, &self.sigstore.root.certificate];
        let chain: Vec<String> = chain.into_iter().map(|der| pem("CERTIFICATE", der)).collect();
        Ok(Answer::json(200, &json!({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}})))
    }

    /// Rekor of version 1.
    fn log_v1(&self, request: &Value) -> Result<Answer, &'static str> {
        let statement = match text(request, "/kind") {
            Some("dsse") => {
                let envelope =
                    text(request, "/spec/proposedContent/envelope").ok_or("there is no envelope")?;
                let verifier =
                    text(request, "/spec/proposedContent/verifiers/0").ok_or("there is no verifier")?;
                let parsed: Value = serde_json::from_str(envelope).map_err(|_error| "no envelope")?;
                let (payload, signature) = signed_envelope(&parsed, &spki_of_verifier(verifier)?)?;
                entry::dsse_v1(envelope.as_bytes(), &payload, &signature, verifier)
            }
            Some("hashedrekord") => {
                let digest = text(request, "/spec/data/hash/value").ok_or("there is no digest")?;
                let signature = text(request, "/spec/signature/content").ok_or("there is no signature")?;
                let verifier =
                    text(request, "/spec/signature/publicKey/content").ok_or("there is no verifier")?;
                spki_of_verifier(verifier)?;
                entry::hashed_v1(digest, signature, verifier)
            }
            Some("intoto") => {
                let envelope = request.pointer("/spec/content/envelope").ok_or("there is no envelope")?;
                let verifier = text(envelope, "/signatures/0/publicKey").ok_or("there is no verifier")?;
                let payload = twice(text(envelope, "/payload")).ok_or("there is no payload")?;
                let signature = twice(text(envelope, "/signatures/0/sig")).ok_or("there is no signature")?;
                let signature = STANDARD.encode(signature);
                entry::intoto_v1(envelope.to_string().as_bytes(), &payload, &signature, verifier)
            }
            _ => return Err("there is no such kind of entry"),
        };
        let entry = Entry::of(&self.sigstore.rekor_v1, &statement, Some(self.sigstore.now()));
        let (uuid, entry) = entry.in_answer();
        // cosign finds the entry in the answer by its tag.
        let headers = format!("Location: /api/v1/log/entries/{uuid}\r\nETag: {uuid}\r\n");
        Ok(Answer { headers, ..Answer::json(201, &json!({ (uuid): entry })) })
    }

    /// Rekor of version 2.
    fn log_v2(&self, request: &Value) -> Result<Answer, &'static str> {
        let statement = if let Some(dsse) = request.get("dsseRequestV002") {
            let envelope = dsse.get("envelope").ok_or("there is no envelope")?;
            let verifier = dsse.pointer("/verifiers/0").ok_or("there is no verifier")?;
            let (payload, signature) = signed_envelope(envelope, &spki_of_v2(verifier)?)?;
            entry::dsse_v2(&payload, &signature, verifier)
        } else if let Some(hashed) = request.get("hashedRekordRequestV002") {
            let digest = text(hashed, "/digest").ok_or("there is no digest")?;
            let signature = text(hashed, "/signature/content").ok_or("there is no signature")?;
            let verifier = hashed.pointer("/signature/verifier").ok_or("there is no verifier")?;
            spki_of_v2(verifier)?;
            entry::hashed_v2(digest, signature, verifier)
        } else {
            return Err("there is no such kind of entry");
        };
        let entry = Entry::of(&self.sigstore.rekor_v2, &statement, None);
        Ok(Answer::json(201, &entry.in_bundle()))
    }

    fn time_stamp(&self, request: &[u8]) -> Result<Answer, &'static str> {
        let query = Query::read(request).ok_or("that is no query")?;
        let body = stamp(&self.sigstore.stamping, &query, self.sigstore.now());
        Ok(Answer { status: 201, media_type: "application/timestamp-reply", headers: String::new(), body })
    }

    fn tuf(&self, path: &str) -> Answer {
        match lock(&self.tuf).get(path.trim_start_matches("/tuf/")) {
            Some(file) => Answer {
                status: 200,
                media_type: "application/octet-stream",
                headers: String::new(),
                body: file.clone(),
            },
            None => Answer::json(404, &json!({"message": "there is no such file"})),
        }
    }

    /// The CI system's token service.
    fn job(&self, request: &Request) -> Result<Answer, &'static str> {
        if request.authorization != format!("Bearer {JOB_SECRET}") {
            return Ok(Answer::json(401, &json!({"message": "who asks?"})));
        }
        if !request.path.contains("audience=sigstore") {
            return Err("for whom is it to be?");
        }
        Ok(Answer::json(200, &json!({"count": 1, "value": *lock(&self.job)})))
    }
}

/// Payload and signature of an envelope that a key has signed.
fn signed_envelope(envelope: &Value, spki: &[u8]) -> Result<(Vec<u8>, String), &'static str> {
    let payload = text(envelope, "/payload").ok_or("there is no payload")?;
    let payload = STANDARD.decode(payload).map_err(|_error| "the payload is no Base64")?;
    let payload_type = text(envelope, "/payloadType").ok_or("there is no type")?;
    let signature = text(envelope, "/signatures/0/sig").ok_or("there is no signature")?;
    let decoded = STANDARD.decode(signature).map_err(|_error| "the signature is no Base64")?;
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let covered = [head.as_bytes(), payload.as_slice()].concat();
    if !is_signed(spki, &covered, &decoded) {
        return Err("the envelope is not signed by its verifier");
    }
    Ok((payload, signature.to_owned()))
}

/// The key that an entry of version 1 names: Base64 of the PEM of a certificate or a key.
fn spki_of_verifier(verifier: &str) -> Result<Vec<u8>, &'static str> {
    let decoded = STANDARD.decode(verifier).map_err(|_error| "the verifier is no Base64")?;
    let decoded = String::from_utf8(decoded).map_err(|_error| "the verifier is no PEM")?;
    let der = from_pem(&decoded).ok_or("the verifier is no PEM")?;
    if decoded.contains("BEGIN CERTIFICATE") {
        return spki_of(&der).ok_or("the verifier is no certificate");
    }
    Ok(der)
}

/// The key that an entry of version 2 names.
fn spki_of_v2(verifier: &Value) -> Result<Vec<u8>, &'static str> {
    let decode = |pointer| text(verifier, pointer).and_then(|encoded| STANDARD.decode(encoded).ok());
    if let Some(certificate) = decode("/x509Certificate/rawBytes") {
        return spki_of(&certificate).ok_or("the verifier is no certificate");
    }
    decode("/publicKey/rawBytes").ok_or("there is no verifier")
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// Base64 of Base64.
fn twice(encoded: Option<&str>) -> Option<Vec<u8>> {
    STANDARD.decode(STANDARD.decode(encoded?).ok()?).ok()
}

fn read_request(input: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let Some((method, path)) = words.next().zip(words.next()) else { return Ok(None) };
    let mut request = Request { method, path, authorization: String::new(), body: Vec::new() };
    let mut length = 0;
    loop {
        let mut header = String::new();
        if input.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else { continue };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.trim().clone_into(&mut request.authorization),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    request.body = vec![0; length.min(1 << 28)];
    input.read_exact(&mut request.body)?;
    Ok(Some(request))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

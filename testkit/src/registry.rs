//! A registry on this machine's loopback address, with faults.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{Blob, Root};

/// A registry that serves what was pushed to it, until it is dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    stopped: AtomicBool,
    blobs: Mutex<BTreeMap<String, Blob>>,
    tags: Mutex<BTreeMap<String, String>>,
    faults: Mutex<Vec<Fault>>,
    access: Mutex<Access>,
    log: Mutex<Vec<String>>,
}

/// Who may read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Everyone.
    #[default]
    Anonymous,
    /// Who sends this `Authorization` header.
    Header(String),
    /// Who fetches a token from the registry's own token service first. A token is good for some requests.
    Token {
        /// The `Authorization` header or form that the token service wants; none if it asks for nothing.
        wants: Option<String>,
        /// How many requests a token is good for.
        requests: usize,
    },
}

/// Something that goes wrong, for requests whose path holds `path`, the next `times` times.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Part of the path.
    pub path: String,
    /// How often.
    pub times: usize,
    /// What.
    pub kind: FaultKind,
}

/// Ways to go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Answers with a status, further header lines and a body.
    Status(u16, String, String),
    /// Breaks the connection after this many bytes of the body.
    DropAfter(usize),
    /// Sends other bytes of the same length.
    OtherBytes,
    /// Sends the whole where a range was asked for.
    IgnoreRange,
    /// Sends another range than was asked for, and says so.
    OtherRange,
    /// Announces another digest.
    OtherDigest,
    /// Redirects there.
    Redirect(String),
    /// Sends these bytes in place of any HTTP.
    Raw(Vec<u8>),
    /// Says nothing for this long, and hangs up.
    Silence(Duration),
}

impl Registry {
    /// Starts a registry on a free port.
    ///
    /// # Panics
    ///
    /// If the machine has no loopback address with a free port.
    #[expect(clippy::expect_used, reason = "a test that cannot start its registry has failed")]
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let state = Arc::clone(&shared);
                if let Ok(stream) = stream {
                    // A client that hangs up is none of the registry's business.
                    std::thread::spawn(move || drop(state.serve(stream, address)));
                }
            }
        });
        Self { address, state, acceptor: Some(acceptor) }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Keeps an image or index under `repository:tag`, and gives `HOST/REPOSITORY:TAG`.
    pub fn push(&self, repository: &str, tag: &str, root: &Root) -> String {
        for blob in root.blobs() {
            lock(&self.state.blobs).insert(blob.digest.clone(), blob.clone());
        }
        lock(&self.state.tags).insert(format!("{repository}/manifests/{tag}"), root.manifest.digest.clone());
        format!("{}/{repository}:{tag}", self.host())
    }

    /// Sets who may read.
    pub fn access(&self, access: Access) {
        *lock(&self.state.access) = access;
    }

    /// Lets something go wrong.
    pub fn fault(&self, path: &str, times: usize, kind: FaultKind) {
        lock(&self.state.faults).push(Fault { path: path.to_owned(), times, kind });
    }

    /// The requests so far: method, path, and `Authorization` and `Range` where they were sent.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state.log).clone()
    }
}

impl Drop for Registry {
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
    path: String,
    authorization: String,
    range: Option<usize>,
    body: String,
}

impl State {
    fn serve(&self, stream: TcpStream, address: SocketAddr) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut out = stream.try_clone()?;
        let Some(request) = read_request(&mut BufReader::new(stream))? else { return Ok(()) };
        let mut line = request.path.clone();
        if !request.authorization.is_empty() {
            line = format!("{line} [{}]", request.authorization);
        }
        if let Some(from) = request.range {
            line = format!("{line} from {from}");
        }
        lock(&self.log).push(line);
        self.answer(&request, address, &mut out)?;
        out.flush()
    }

    fn answer(&self, request: &Request, address: SocketAddr, out: &mut TcpStream) -> io::Result<()> {
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
            Some(FaultKind::Silence(duration)) => {
                std::thread::sleep(*duration);
                return Ok(());
            }
            _ => {}
        }
        if request.path.starts_with("/token") {
            return self.give_token(request, out);
        }
        if !self.may_read(request) {
            let challenge = match &*lock(&self.access) {
                Access::Token { .. } => {
                    format!(
                        "Bearer realm=\"http://{address}/token\",service=\"test\",scope=\"repository:x:pull\""
                    )
                }
                _ => "Basic realm=\"test\"".to_owned(),
            };
            return write!(
                out,
                "HTTP/1.1 401 X\r\nConnection: close\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n"
            );
        }
        if let Some(blob) = self.find(&request.path) {
            send(&blob, request, fault.as_ref(), out)
        } else {
            let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"not here"}]}"#;
            write!(out, "HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }
    }

    fn next_fault(&self, path: &str) -> Option<FaultKind> {
        let mut faults = lock(&self.faults);
        let fault = faults.iter_mut().find(|fault| fault.times > 0 && path.contains(&fault.path))?;
        fault.times -= 1;
        Some(fault.kind.clone())
    }

    fn give_token(&self, request: &Request, out: &mut TcpStream) -> io::Result<()> {
        let granted = match &*lock(&self.access) {
            Access::Token { wants: Some(wants), .. } => {
                request.authorization == *wants || request.body.contains(wants)
            }
            _ => true,
        };
        let (status, body) = if granted { (200, r#"{"token":"granted"}"#) } else { (401, "{}") };
        write!(
            out,
            "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn may_read(&self, request: &Request) -> bool {
        match &mut *lock(&self.access) {
            Access::Anonymous => true,
            Access::Header(wanted) => request.authorization == *wanted,
            Access::Token { requests, .. } => {
                let spent = *requests == 0;
                let granted = request.authorization == "Bearer granted" && !spent;
                // A spent token is refused once; whoever comes back with a new one may go on.
                *requests = if spent { usize::MAX } else { requests.saturating_sub(usize::from(granted)) };
                granted
            }
        }
    }

    fn find(&self, path: &str) -> Option<Blob> {
        let name = path.strip_prefix("/v2/")?;
        let digest = match lock(&self.tags).get(name) {
            Some(digest) => digest.clone(),
            None => name.rsplit('/').next()?.to_owned(),
        };
        lock(&self.blobs).get(&digest).cloned()
    }
}

fn send(blob: &Blob, request: &Request, fault: Option<&FaultKind>, out: &mut TcpStream) -> io::Result<()> {
    let mut bytes = blob.bytes.clone();
    let from = match fault {
        Some(FaultKind::IgnoreRange) => None,
        Some(FaultKind::OtherRange) => request.range.map(|from| from / 2),
        _ => request.range,
    };
    if fault == Some(&FaultKind::OtherBytes) {
        for byte in &mut bytes {
            *byte ^= 0xff;
        }
    }
    let digest = match fault {
        Some(FaultKind::OtherDigest) => format!("sha256:{}", "0".repeat(64)),
        _ => blob.digest.clone(),
    };
    let status = match from {
        Some(from) => {
            let whole = bytes.len();
            bytes.drain(..from.min(whole));
            format!("206 X\r\nContent-Range: bytes {from}-{}/{whole}", whole.saturating_sub(1))
        }
        None => "200 X".to_owned(),
    };
    write!(
        out,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: {}\r\nDocker-Content-Digest: {digest}\r\nContent-Length: {}\r\n\r\n",
        blob.media_type,
        bytes.len()
    )?;
    if let Some(FaultKind::DropAfter(count)) = fault {
        bytes.truncate(*count);
    }
    out.write_all(&bytes)
}

fn read_request(input: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let Some(path) = line.split(' ').nth(1).map(str::to_owned) else { return Ok(None) };
    let mut request = Request { path, authorization: String::new(), range: None, body: String::new() };
    let mut length = 0;
    loop {
        let mut header = String::new();
        if input.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else { continue };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => value.clone_into(&mut request.authorization),
            "range" => {
                let from = value.trim_start_matches("bytes=").trim_end_matches('-');
                request.range = from.parse().ok();
            }
            "content-length" => length = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length.min(1 << 16)];
    input.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(request))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

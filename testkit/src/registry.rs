//! A registry on this machine's loopback address: images, uploads, referrers, tokens, and faults on demand.
//!
//! It is served by one thread for each connection, keeps a log of all requests, and is stopped when dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{
    Blob, Root, digest, registry_answers,
    registry_http::serve,
    registry_tls::{Authority, accept},
};

/// A registry that serves what was pushed to it, until it is dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    authority: Option<String>,
}

/// Who may read and write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Access {
    /// Everyone.
    #[default]
    Anonymous,
    /// Who sends this `Authorization` header.
    Header(String),
    /// Who fetches a token from the registry's own token service first. A token is good for what it was asked for.
    Token {
        /// The `Authorization` header or form that the token service wants; none if it asks for nothing.
        wants: Option<String>,
        /// After how many requests all tokens given out so far expire, once.
        requests: usize,
    },
}

/// Whether there is a list of referrers for each manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferrersApi {
    /// There is none: asking for it is answered with 404, and manifests with a subject are put like others.
    #[default]
    Off,
    /// There is one.
    On {
        /// Whether it leaves out what is of another type than is asked for, and says so.
        filter: bool,
        /// The entries of one page.
        page: usize,
    },
}

/// Something that goes wrong, for requests whose path holds `path`, the next `times` times.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The method; all where there is none.
    pub method: Option<String>,
    /// Part of the path.
    pub path: String,
    /// How often.
    pub times: usize,
    /// What.
    pub kind: FaultKind,
}

/// Ways to go wrong. Those of the first group leave what was asked undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Answers with a status, further header lines and a body.
    Status(u16, String, String),
    /// Redirects there.
    Redirect(String),
    /// Sends these bytes in place of any HTTP.
    Raw(Vec<u8>),
    /// Says nothing for this long, and hangs up.
    Silence(Duration),
    /// Hangs up without an answer.
    Hangup,

    /// Does what was asked, and hangs up without an answer.
    LostAnswer,
    /// Breaks the connection after this many bytes of the body.
    DropAfter(usize),
    /// Sends other bytes of the same length.
    OtherBytes,
    /// Sends this body in place of the right one.
    Body(Vec<u8>),
    /// Sends a header in place of the right one.
    Header(&'static str, String),
    /// Sends a body that never ends.
    Endless,
    /// Sends the body one byte at a time, with this wait after each.
    Trickle(Duration),
    /// Sends the whole where a range was asked for.
    IgnoreRange,
    /// Sends another range than was asked for, and says so.
    OtherRange,
    /// Announces another digest.
    OtherDigest,
}

/// A request as it came, and the status of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logged {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The HTTP status; 0 if there was no HTTP.
    pub status: u16,
    /// Headers by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Logged {
    /// A header; empty if it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The first byte that was asked for, if not the whole, and the one behind the last, if not all that follow.
    pub(crate) fn range(&self) -> Option<(usize, Option<usize>)> {
        let (from, last) = self.header("range").strip_prefix("bytes=")?.split_once('-')?;
        let end = if last.is_empty() { None } else { Some(last.parse::<usize>().ok()?.checked_add(1)?) };
        Some((from.parse().ok()?, end))
    }
}

impl Registry {
    /// Starts a registry on a free port.
    ///
    /// # Panics
    ///
    /// If the machine has no loopback address with a free port.
    #[expect(clippy::expect_used, reason = "a test that cannot start its registry has failed")]
    pub fn start() -> Self {
        Self::start_with(None).expect("a free port")
    }

    /// Starts a registry that speaks TLS, with a certificate for `127.0.0.1` and `localhost` by an authority made
    /// for it alone.
    ///
    /// # Panics
    ///
    /// If the machine has no loopback address with a free port.
    #[expect(clippy::expect_used, reason = "a test that cannot start its registry has failed")]
    pub fn start_tls() -> Self {
        let authority = Authority::new().expect("a certificate");
        Self::start_with(Some(authority)).expect("a free port")
    }

    /// The certificate, in PEM, of the authority that vouches for a registry with TLS.
    pub fn authority(&self) -> &str {
        self.authority.as_deref().unwrap_or_default()
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Keeps an image or index under `repository:tag`, and gives `HOST/REPOSITORY:TAG`.
    pub fn push(&self, repository: &str, tag: &str, root: &Root) -> String {
        for blob in root.blobs() {
            self.insert_blob(repository, &blob.bytes);
            self.insert_manifest(repository, None, &blob.media_type, &blob.bytes);
        }
        self.insert_manifest(repository, Some(tag), &root.manifest.media_type, &root.manifest.bytes);
        format!("{}/{repository}:{tag}", self.host())
    }

    /// Keeps a blob as it is; its digest.
    pub fn insert_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        self.shared.lock().blobs.insert((repository.to_owned(), digest.clone()), Arc::new(bytes.to_vec()));
        digest
    }

    /// Keeps a manifest as it is, whatever it names, under a tag if one is given; its digest.
    pub fn insert_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> String {
        let blob = Blob::new(media_type, bytes.to_vec());
        let digest = blob.digest.clone();
        self.shared.lock().keep(repository, tag, blob);
        digest
    }

    /// The manifest under a tag or digest.
    pub fn manifest(&self, repository: &str, name: &str) -> Option<Blob> {
        self.shared.lock().manifest(repository, name).cloned()
    }

    /// The digests of all manifests of a repository.
    pub fn manifests(&self, repository: &str) -> BTreeSet<String> {
        digests(self.shared.lock().manifests.keys(), repository)
    }

    /// The digests of all blobs of a repository.
    pub fn blobs(&self, repository: &str) -> BTreeSet<String> {
        digests(self.shared.lock().blobs.keys(), repository)
    }

    /// The bytes of a blob.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        let key = (repository.to_owned(), digest.to_owned());
        self.shared.lock().blobs.get(&key).map(|bytes| bytes.to_vec())
    }

    /// The tags of a repository, and what they point to.
    pub fn tags(&self, repository: &str) -> BTreeMap<String, String> {
        let state = self.shared.lock();
        let own = state.tags.iter().filter(|((name, _), _)| name == repository);
        own.map(|((_, tag), digest)| (tag.clone(), digest.clone())).collect()
    }

    /// Begins an upload, as `POST` does, and gives the path where it goes on.
    pub fn open_upload(&self, repository: &str) -> String {
        self.shared.lock().open_upload(repository)
    }

    /// Sets who may read and write.
    pub fn access(&self, access: Access) {
        self.shared.lock().access = access;
    }

    /// Sets whether there are lists of referrers.
    pub fn referrers_api(&self, api: ReferrersApi) {
        self.shared.lock().referrers_api = api;
    }

    /// Sets whether manifests have entity tags, and are put under the condition of one.
    pub fn conditions(&self, honoured: bool) {
        self.shared.lock().conditions = honoured;
    }

    /// Lets something go wrong. Faults wait in line: of several that fit, the one added first comes first.
    pub fn fault(&self, path: &str, times: usize, kind: FaultKind) {
        self.shared.lock().faults.push(Fault { method: None, path: path.to_owned(), times, kind });
    }

    /// Lets something go wrong for one method alone.
    pub fn fault_on(&self, method: &str, path: &str, times: usize, kind: FaultKind) {
        let method = Some(method.to_owned());
        self.shared.lock().faults.push(Fault { method, path: path.to_owned(), times, kind });
    }

    /// The requests so far: path, and `Authorization` and `Range` where they were sent.
    pub fn requests(&self) -> Vec<String> {
        let line = |request: Logged| {
            let authorization = match request.header("authorization") {
                "" => String::new(),
                sent => format!(" [{sent}]"),
            };
            let from = request.range().map_or(String::new(), |(from, _)| format!(" from {from}"));
            format!("{}{authorization}{from}", request.path)
        };
        self.log().into_iter().map(line).collect()
    }

    /// The requests so far.
    pub fn log(&self) -> Vec<Logged> {
        self.shared.lock().log.clone()
    }

    /// Troubles nobody any more.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// How many bytes were sent so far in the bodies of answers.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.shared.lock().log.clear();
    }

    /// The requests so far as `METHOD PATH STATUS`, without queries.
    pub fn lines(&self) -> Vec<String> {
        let path = |request: &Logged| request.path.split('?').next().unwrap_or_default().to_owned();
        let log = self.log();
        log.iter().map(|request| format!("{} {} {}", request.method, path(request), request.status)).collect()
    }

    fn start_with(authority: Option<Authority>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let tls = authority.as_ref().map(|authority| Arc::clone(&authority.server));
        shared.lock().scheme = if tls.is_some() { "https" } else { "http" };
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(stream), shared, tls) = (stream, Arc::clone(&for_thread), tls.clone()) else {
                    continue;
                };
                // A client that sends nothing must not keep a test from ending; one that hangs up is none of the
                // registry's business.
                std::thread::spawn(move || {
                    drop(stream.set_read_timeout(Some(Duration::from_secs(10))));
                    drop(match tls {
                        Some(tls) => accept(tls, stream).and_then(|stream| serve(stream, &shared)),
                        None => serve(stream, &shared),
                    });
                });
            }
        });
        let authority = authority.map(|authority| authority.pem);
        Ok(Self { address, shared, acceptor: Some(acceptor), authority })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the acceptor, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn digests<'a>(keys: impl Iterator<Item = &'a Key>, repository: &str) -> BTreeSet<String> {
    keys.filter(|(name, _)| name == repository).map(|(_, digest)| digest.clone()).collect()
}

/// What the threads of a registry share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) stopped: AtomicBool,
    /// Bytes of bodies.
    pub(crate) sent: AtomicU64,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A repository, and a digest, tag or number of an upload.
pub(crate) type Key = (String, String);

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) scheme: &'static str,
    pub(crate) blobs: BTreeMap<Key, Arc<Vec<u8>>>,
    pub(crate) manifests: BTreeMap<Key, Blob>,
    pub(crate) tags: BTreeMap<Key, String>,
    pub(crate) uploads: BTreeMap<Key, Vec<u8>>,
    pub(crate) begun: usize,
    pub(crate) access: Access,
    /// Tokens given out, and their scopes.
    pub(crate) tokens: BTreeMap<String, Vec<String>>,
    pub(crate) given: usize,
    pub(crate) referrers_api: ReferrersApi,
    pub(crate) conditions: bool,
    faults: Vec<Fault>,
    log: Vec<Logged>,
}

impl State {
    pub(crate) fn keep(&mut self, repository: &str, tag: Option<&str>, manifest: Blob) {
        if let Some(tag) = tag {
            self.tags.insert((repository.to_owned(), tag.to_owned()), manifest.digest.clone());
        }
        self.manifests.insert((repository.to_owned(), manifest.digest.clone()), manifest);
    }

    pub(crate) fn manifest(&self, repository: &str, name: &str) -> Option<&Blob> {
        let key = (repository.to_owned(), name.to_owned());
        let digest = self.tags.get(&key).unwrap_or(&key.1);
        self.manifests.get(&(key.0.clone(), digest.clone()))
    }

    pub(crate) fn open_upload(&mut self, repository: &str) -> String {
        self.begun += 1;
        let number = self.begun.to_string();
        let path = format!("/v2/{repository}/blobs/uploads/{number}?_state=begun");
        self.uploads.insert((repository.to_owned(), number), Vec::new());
        path
    }

    /// Answers a request, and says how the answer shall go wrong.
    pub(crate) fn answer(
        &mut self,
        request: Logged,
        body: &[u8],
    ) -> (Option<registry_answers::Answer>, Option<FaultKind>) {
        let fits = |fault: &Fault| {
            fault.times > 0
                && request.path.contains(&fault.path)
                && fault.method.as_ref().is_none_or(|method| *method == request.method)
        };
        let fault = self.faults.iter().position(fits);
        let kind = fault.and_then(|at| self.faults.get(at)).map(|fault| fault.kind.clone());
        let answer = match &kind {
            Some(FaultKind::Status(..) | FaultKind::Redirect(_)) => kind.clone().and_then(instead),
            Some(FaultKind::Raw(_) | FaultKind::Silence(_) | FaultKind::Hangup) => None,
            _ => Some(registry_answers::answer(self, &request, body)),
        };
        let spoils_success = !matches!(
            kind,
            Some(
                FaultKind::Status(..)
                    | FaultKind::Redirect(_)
                    | FaultKind::Raw(_)
                    | FaultKind::Silence(_)
                    | FaultKind::Hangup
            )
        );
        let failed = answer.as_ref().is_some_and(|answer| answer.status >= 300);
        // What is refused has nothing to spoil: the fault waits for the next request.
        let kind = kind.filter(|_| !(spoils_success && failed));
        if let Some(fault) = fault.filter(|_| kind.is_some()).and_then(|at| self.faults.get_mut(at)) {
            fault.times -= 1;
        }
        self.log.push(Logged { status: answer.as_ref().map_or(0, |answer| answer.status), ..request });
        (answer, kind)
    }
}

/// The answer that takes the place of the right one.
fn instead(kind: FaultKind) -> Option<registry_answers::Answer> {
    let (status, lines, body) = match kind {
        FaultKind::Status(status, lines, body) => (status, lines, body),
        FaultKind::Redirect(location) => (307, format!("Location: {location}\r\n"), String::new()),
        _ => return None,
    };
    let headers = lines.lines().filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(registry_answers::Answer { status, headers, body: body.into_bytes() })
}

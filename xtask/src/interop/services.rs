//! Real services on this machine's loopback address, stopped when they are dropped.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A program that runs as long as this lives.
#[derive(Debug)]
struct Service(Child);

impl Service {
    /// Starts `command` and waits until something answers on `port`.
    fn start(mut command: Command, port: u16) -> Result<Self, String> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut service = Self(child.map_err(|error| format!("{name}: {error}"))?);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(service);
            }
            if let Ok(Some(status)) = service.0.try_wait() {
                return Err(format!("{name} ended at once: {status}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{name} does not answer on port {port}"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a registry knows of referrers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Referrers {
    /// The API of OCI 1.1.
    Api,
    /// Nothing: clients keep a list under a tag.
    Tag,
}

/// A distribution registry, with a proxy in front of it where that is at hand.
#[derive(Debug)]
pub(super) struct Registry {
    /// What it knows of referrers.
    pub(super) referrers: Referrers,
    port: u16,
    log: PathBuf,
    // Dropped in this order: the proxy before what it leads to.
    _proxy: Option<Service>,
    _storage: Service,
}

impl Registry {
    /// Starts a registry that keeps its data in `folder`. `proxy` is the program that counts requests, plays faults and
    /// adds the API; a registry with the API needs it.
    pub(super) fn start(folder: &Path, referrers: Referrers, proxy: Option<&Path>) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let port = free_port()?;
        let config = folder.join("registry.yml");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\"}}\nlog: {{level: error}}\n",
            folder.join("data").display()
        );
        std::fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config);
        let storage = Service::start(command, port)?;
        let log = folder.join("proxy.log");
        let (port, proxy) = match (referrers, proxy) {
            (Referrers::Api, Some(proxy)) => {
                let front = free_port()?;
                let mut command = Command::new("python3");
                command.arg(proxy).arg(front.to_string()).arg(format!("127.0.0.1:{port}"));
                command.arg(&log).arg("--referrers");
                (front, Some(Service::start(command, front)?))
            }
            _ => (port, None),
        };
        Ok(Self { referrers, port, log, _proxy: proxy, _storage: storage })
    }

    /// `127.0.0.1:PORT`.
    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Tells the proxy what to answer wrongly from now on: a JSON list of rules.
    pub(super) fn play(&self, rules: &str) -> Result<(), String> {
        let body = format!("{{\"rules\":{rules}}}");
        self.request("POST", "/__evil", "application/json", body.as_bytes()).map(drop)
    }

    /// Puts a manifest.
    pub(super) fn put_manifest(&self, repository: &str, digest: &str, manifest: &[u8]) -> Result<(), String> {
        let path = format!("/v2/{repository}/manifests/{digest}");
        self.request("PUT", &path, "application/vnd.oci.image.manifest.v1+json", manifest).map(drop)
    }

    /// The body of what the registry answers to a GET.
    pub(super) fn get(&self, path: &str) -> Result<Vec<u8>, String> {
        self.request("GET", path, "application/json", b"")
    }

    /// How many requests the proxy has passed on or played, so far.
    #[expect(clippy::disallowed_methods, reason = "a log of the cases' own making")]
    pub(super) fn requests(&self) -> usize {
        let text = std::fs::read(&self.log).unwrap_or_default();
        text.split(|byte| *byte == b'\n')
            .filter(|line| line.first().is_some_and(u8::is_ascii_uppercase))
            .count()
    }

    #[expect(clippy::disallowed_methods, reason = "answers of a registry that was started here")]
    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("{method} {path}: {error}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(failed)?;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: {kind}\r\n\
             Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.host(),
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).map_err(failed)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(failed)?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
        let status = answer.get(9..12).unwrap_or_default();
        if status.first() != Some(&b'2') {
            return Err(format!("{method} {path}: {}", String::from_utf8_lossy(&answer)));
        }
        Ok(answer.get(end + 4..).unwrap_or_default().to_vec())
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// The program `name`: in one of `folders`, or on the path.
pub(super) fn program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "programs are looked for where the environment says")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = folders.iter().cloned().chain(std::env::split_paths(&path));
    paths.map(|folder| folder.join(name)).find(|file| file.is_file())
}

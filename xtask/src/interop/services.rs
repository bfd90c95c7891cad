//! Real services on this machine's loopback address, stopped when they are dropped.

use std::{
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

/// A distribution registry, with a proxy in front of it where that adds the referrers API.
#[derive(Debug)]
pub(super) struct Registry {
    host: String,
    // Dropped in this order: the proxy before what it leads to.
    _proxy: Option<Service>,
    _storage: Service,
}

impl Registry {
    /// Starts a registry that keeps its data in `folder`. `proxy` is the program that adds the API.
    pub(super) fn start(folder: &Path, referrers: Referrers, proxy: &Path) -> Result<Self, String> {
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
        let registry = Service::start(command, port)?;
        if referrers == Referrers::Tag {
            return Ok(Self { host: format!("127.0.0.1:{port}"), _proxy: None, _storage: registry });
        }
        let front = free_port()?;
        let mut command = Command::new("python3");
        command.arg(proxy).arg(front.to_string()).arg(format!("127.0.0.1:{port}"));
        command.arg(folder.join("proxy.log")).arg("--referrers");
        let proxy = Service::start(command, front)?;
        Ok(Self { host: format!("127.0.0.1:{front}"), _proxy: Some(proxy), _storage: registry })
    }

    /// `127.0.0.1:PORT`.
    pub(super) fn host(&self) -> &str {
        &self.host
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

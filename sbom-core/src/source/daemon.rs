//! Images that a container engine on this machine holds: exported over its socket and read as they pass.
//! Source: Docker Engine API 1.24 and later, `GET /images/NAME/get`; Podman serves the same.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{
    Agent,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport},
    },
};

use super::{SourceError, locator::Engine, oci_layout::split_tag, stream::StreamArchive};
use crate::limits::Limits;

/// The archive of `image`, as the first of `sockets` at which `engine` answers exports it.
pub fn export(
    engine: Engine,
    image: &str,
    sockets: &[PathBuf],
    limits: &Limits,
) -> Result<StreamArchive<'static>, SourceError> {
    let socket = find(engine, sockets)?;
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_connect(Some(Duration::from_secs(10)))
        .build();
    let agent = Agent::with_parts(config, SocketConnector { path: socket }, NoResolver);
    let from = || format!("{} ({image})", engine.name());
    let broken = |error: ureq::Error| SourceError::Stream {
        from: from(),
        source: match error {
            ureq::Error::Io(error) => error,
            other => io::Error::other(other),
        },
    };
    let address = format!("http://localhost/images/{}/get", percent_encoded(image));
    let response = agent.get(address).call().map_err(broken)?;
    let (engine, image) = (engine.name(), image.to_owned());
    match response.status().as_u16() {
        200 => StreamArchive::new(response.into_body().into_reader(), &from(), split_tag(&image).0, limits),
        404 => Err(SourceError::NotInDaemon { engine, image }),
        status => Err(SourceError::Daemon { engine, image, status }),
    }
}

/// The first socket that answers.
fn find(engine: Engine, sockets: &[PathBuf]) -> Result<PathBuf, SourceError> {
    let mut tried = Vec::new();
    for socket in sockets {
        match UnixStream::connect(socket) {
            Ok(_) => return Ok(socket.clone()),
            Err(error) => tried.push(format!("{}: {error}", socket.display())),
        }
    }
    Err(SourceError::NoDaemon { engine: engine.name(), tried })
}

/// `name` as part of a path: what has a meaning in an address is escaped, but for `/`, which names may have.
fn percent_encoded(name: &str) -> String {
    let plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@');
    let encode = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    name.bytes().map(encode).collect()
}

/// Connects to a socket, whatever the address says.
#[derive(Debug)]
struct SocketConnector {
    path: PathBuf,
}

impl Connector for SocketConnector {
    type Out = SocketTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let stream = connect(&self.path)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(SocketTransport { stream, buffers }))
    }
}

fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path)
}

/// HTTP over a socket of this machine.
struct SocketTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl std::fmt::Debug for SocketTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocketTransport").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.set_write_timeout(timeout.not_zero().map(|left| *left))?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.set_read_timeout(timeout.not_zero().map(|left| *left))?;
        let input = self.buffers.input_append_buf();
        let amount = loop {
            match self.stream.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // One export, one connection.
        false
    }
}

/// There is no host to look up.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(([127, 0, 0, 1], 80).into());
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use sbomctl_testkit::{DockerArchive, ImageBuilder};

    use super::*;
    use crate::source::{Choice, Selection};

    /// Serves one answer at a socket and returns the request that it was for. The socket is first connected to
    /// without a request, to see whether anybody answers.
    fn serve(socket: &Path, answer: Vec<u8>) -> thread::JoinHandle<String> {
        let listener = UnixListener::bind(socket).unwrap();
        thread::spawn(move || {
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut buffer).unwrap() {
                        0 => break,
                        count => request.extend_from_slice(&buffer[..count]),
                    }
                }
                if !request.is_empty() {
                    stream.write_all(&answer).unwrap();
                    return String::from_utf8(request).unwrap();
                }
            }
        })
    }

    fn answer(status: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
        [head.as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
    }

    #[test]
    fn an_image_is_exported_over_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let built = ImageBuilder::new().layer(|l| l.file("a", "1")).tag("example.org/app:1").build();
        let served = serve(&socket, answer("200 OK", &built.docker_archive(DockerArchive::New)));
        let sockets = [folder.path().join("none.sock"), socket];
        let limits = Limits::default();
        let stream = export(Engine::Docker, "example.org/a b:1", &sockets, &limits).unwrap();
        let contents = stream.read::<u64, SourceError>(&mut |member, _| Ok(member.size)).unwrap();
        let selection = Selection::Default("linux/amd64".parse().unwrap());
        let images = contents.finish(&Choice::Only, &selection).unwrap();
        assert_eq!(images.images[0].subject.name, "example.org/app");
        assert_eq!(images.results, [built.layers[0].blob.bytes.len() as u64]);
        assert!(served.join().unwrap().starts_with("GET /images/example.org/a%20b:1/get HTTP/1.1\r\n"));
    }

    #[test]
    fn a_broken_transfer_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let built = ImageBuilder::new().layer(|l| l.file("a", "1")).build();
        let whole = answer("200 OK", &built.docker_archive(DockerArchive::New));
        // All of the archive came, but not the end of the answer.
        let served = serve(&socket, whole[..whole.len() - 7].to_vec());
        let stream = export(Engine::Docker, "app", &[socket], &Limits::default()).unwrap();
        let error = stream.read::<(), SourceError>(&mut |_, _| Ok(())).unwrap_err();
        assert!(matches!(error, SourceError::Stream { .. }), "{error}");
        served.join().unwrap();
    }

    #[test]
    fn an_engine_that_lacks_the_image_or_refuses_is_told_apart() {
        for (status, lacks) in [("404 Not Found", true), ("500 Internal Server Error", false)] {
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("engine.sock");
            let served = serve(&socket, answer(status, b"{}"));
            let error = export(Engine::Podman, "app", &[socket], &Limits::default()).unwrap_err();
            assert_eq!(matches!(error, SourceError::NotInDaemon { .. }), lacks, "{error}");
            assert!(error.to_string().contains("Podman"), "{error}");
            served.join().unwrap();
        }
    }

    #[test]
    fn without_an_engine_the_sockets_tried_are_listed() {
        let sockets = [PathBuf::from("/no-such/a.sock"), PathBuf::from("/no-such/b.sock")];
        let error = export(Engine::Docker, "app", &sockets, &Limits::default()).unwrap_err().to_string();
        assert!(
            error.contains("/no-such/a.sock: No such file") && error.contains("/no-such/b.sock"),
            "{error}"
        );
    }
}

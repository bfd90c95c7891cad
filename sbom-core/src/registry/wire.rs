//! One request, its redirects, its answer: what may be asked where, and with which credentials.
//!
//! This is the only place that sends anything, and so the only one that decides about plain HTTP, about redirects,
//! and about whom the `Authorization` header may reach.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ureq::{
    Agent, Body, BodyReader, SendBody,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header},
};

use super::{
    ClientConfig, Deadline, Fault, Security,
    config::agent,
    error::{broken, quoted},
    pace::{Pace, Paced},
    upload::Stream,
    url::{Scheme, Url},
};
use crate::limits::{Limit, ReadError, read_capped};

/// The transport, and what was learnt of registries that may or may not speak TLS.
#[derive(Debug)]
pub(super) struct Wire {
    agent: Agent,
    security: Security,
    redirects: Limit,
    pace: Pace,
    schemes: Mutex<BTreeMap<String, Scheme>>,
}

/// What is sent, apart from the address.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) payload: Payload<'a>,
    /// How long the whole of it may take, from the connection to the last byte of the answer.
    pub(super) time: Duration,
    pub(super) deadline: Deadline,
    /// Whether a redirect to another origin is the answer, rather than the way to it.
    pub(super) stay: bool,
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    Stream(&'a Stream<'a>),
}

/// Whatever a server answers, good or bad.
#[derive(Debug)]
pub(super) struct Answer {
    /// Who answered, after all redirects.
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: Body,
    pace: Pace,
}

impl Answer {
    /// The header `name`, if it is ASCII.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// How long the body is said to be.
    pub(super) fn length(&self) -> Option<u64> {
        self.body.content_length()
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether this is a redirect, which leads out of the origin that was asked.
    pub(super) fn is_redirect(&self) -> bool {
        is_redirect(self.status) && self.headers.contains_key(header::LOCATION)
    }

    pub(super) fn into_reader(self) -> Paced<BodyReader<'static>> {
        Paced::new(self.body.into_reader(), self.pace)
    }

    /// The whole body, which is no longer than `limit`.
    pub(super) fn into_bytes(self, limit: Limit) -> Result<Vec<u8>, Fault> {
        if let Some(length) = self.length() {
            limit.check(length)?;
        }
        let host = self.url.authority().to_owned();
        read_capped(self.into_reader(), limit).map_err(|error| match error {
            ReadError::Io(source) => broken(&host, source),
            ReadError::Limit(exceeded) => exceeded.into(),
        })
    }

    /// Where the answer points to, in a header or a link of its own.
    pub(super) fn join(&self, location: &str) -> Result<Url, Fault> {
        let refuse = |reason| Fault::Redirect {
            host: self.url.authority().to_owned(),
            location: quoted(location),
            reason,
        };
        let next = Some(location).filter(|location| !location.is_empty());
        let next = next.and_then(|location| self.url.join(location));
        let next = next.ok_or_else(|| refuse("this is no address"))?;
        if self.url.scheme == Scheme::Https && next.scheme == Scheme::Http {
            return Err(refuse("it leads from TLS to plain HTTP"));
        }
        Ok(next)
    }
}

impl Wire {
    pub(super) fn new(config: &ClientConfig) -> Result<Self, Fault> {
        Ok(Self {
            agent: agent(config)?,
            security: config.security,
            redirects: config.limits.redirects,
            pace: Pace::of(config),
            schemes: Mutex::default(),
        })
    }

    /// Asks the registry at `authority` for `path`.
    pub(super) fn ask_registry(&self, authority: &str, path: &str, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let known = self.schemes().get(authority).copied();
        let url = Url::new(known.unwrap_or(Scheme::Https), authority, path);
        let first = match self.exchange(&url, ask) {
            Err(fault) if known.is_none() && self.may_be_plain(&url) && speaks_no_tls(&fault, &url) => {
                match self.exchange(&url.with_scheme(Scheme::Http), ask) {
                    // Nobody is there: what was wrong before tells more.
                    Err(Fault::Transport { source, .. })
                        if source.kind() == io::ErrorKind::ConnectionRefused =>
                    {
                        Err(fault)
                    }
                    result => result,
                }
            }
            first => first,
        }?;
        // Remembered, so that a failure later on is not taken for a registry without TLS.
        self.schemes().insert(authority.to_owned(), first.url.scheme);
        self.follow(first, ask)
    }

    /// Asks `url`, which some answer named.
    pub(super) fn ask(&self, url: &Url, ask: &Ask<'_>) -> Result<Answer, Fault> {
        self.follow(self.exchange(url, ask)?, ask)
    }

    /// Asks `url` and takes a redirect for the answer: what is sent are credentials.
    pub(super) fn ask_once(&self, url: &Url, ask: &Ask<'_>) -> Result<Answer, Fault> {
        self.exchange(url, ask)
    }

    /// Whether anything may be sent to `url` at all.
    pub(super) fn permits(&self, url: &Url) -> bool {
        url.scheme == Scheme::Https || url.is_loopback() || self.security != Security::Verified
    }

    /// The address of the registry as it is asked.
    pub(super) fn registry_url(&self, authority: &str) -> Url {
        Url::new(self.schemes().get(authority).copied().unwrap_or(Scheme::Https), authority, "/")
    }

    fn schemes(&self) -> MutexGuard<'_, BTreeMap<String, Scheme>> {
        self.schemes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_be_plain(&self, url: &Url) -> bool {
        url.scheme == Scheme::Https && self.permits(&url.with_scheme(Scheme::Http))
    }

    fn follow(&self, mut answer: Answer, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let mut ask = ask.clone();
        let asked = answer.url.clone();
        let mut redirects = 0;
        while is_redirect(answer.status) {
            redirects += 1;
            let location = answer.header("location").unwrap_or_default().to_owned();
            let refuse = |answer: &Answer, reason| Fault::Redirect {
                host: answer.url.authority().to_owned(),
                location: quoted(&location),
                reason,
            };
            if self.redirects.check(redirects).is_err() {
                return Err(refuse(&answer, "there are too many redirects"));
            }
            let next = match answer.join(&location) {
                Ok(next) if ask.stay && !asked.same_origin(&next) => return Ok(answer),
                Err(_) if ask.stay && !location.is_empty() => return Ok(answer),
                next => next?,
            };
            // Only these two say that the same request shall be made there.
            let same = matches!(answer.status, 307 | 308);
            if !same && !matches!(ask.method, Method::GET | Method::HEAD) {
                return Err(refuse(&answer, "it would turn what is written into something to read"));
            }
            if !self.permits(&next) {
                return Err(refuse(&answer, "it leads to plain HTTP; --insecure would allow that"));
            }
            // Once dropped it stays dropped: a host that sends us back could have chosen where to.
            if !answer.url.same_origin(&next) {
                ask.authorization = None;
            }
            answer = self.exchange(&next, &ask)?;
        }
        Ok(answer)
    }

    fn exchange(&self, url: &Url, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let host = url.authority();
        if !self.permits(url) {
            return Err(Fault::PlainHttp { host: host.to_owned() });
        }
        let mut request = Request::builder().method(&ask.method).uri(url.to_string());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = &ask.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let time = ask.deadline.cut(ask.time)?;
        let result = match ask.payload {
            Payload::None => self.run(request.body(SendBody::none()), time),
            Payload::Bytes(bytes) => self.run(request.body(bytes), time),
            Payload::Stream(stream) => {
                let mut sent = stream.start()?;
                let request = request.header(header::CONTENT_LENGTH, stream.size());
                let result = self.run(request.body(SendBody::from_reader(&mut sent)), time);
                // What is wrong with our own bytes explains whatever the registry makes of them.
                sent.finish()?;
                result
            }
        };
        let response = result.map_err(|error| match Fault::of_ureq(host, error) {
            // Whose patience ended is known by whose time is up.
            Fault::Timeout { stage } => ask.deadline.cut(time).err().unwrap_or(Fault::Timeout { stage }),
            fault => fault,
        })?;
        let (parts, body) = response.into_parts();
        tracing::debug!(method = %ask.method, host, status = parts.status.as_u16(), "registry");
        let (status, pace) = (parts.status.as_u16(), self.pace);
        Ok(Answer { url: url.clone(), status, headers: parts.headers, body, pace })
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        request: Result<Request<B>, ureq::http::Error>,
        time: Duration,
    ) -> Result<ureq::http::Response<Body>, ureq::Error> {
        let request = self.agent.configure_request(request?).timeout_global(Some(time)).build();
        self.agent.run(request)
    }
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Whether a registry that may do without TLS seems to.
fn speaks_no_tls(fault: &Fault, url: &Url) -> bool {
    match fault {
        Fault::Tls { source, .. } => matches!(**source, rustls::Error::InvalidMessage(_)),
        Fault::Transport { source, .. } => match source.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => true,
            // Without a port the two lead to different ones.
            io::ErrorKind::ConnectionRefused => !url.names_port(),
            _ => false,
        },
        _ => false,
    }
}

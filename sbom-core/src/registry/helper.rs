//! Credential helpers: programs `docker-credential-NAME` that hold credentials for Docker and Podman.
//! Source: `docker/docker-credential-helpers`, `docker/cli`.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde::Deserialize;

use super::credentials::{CredentialError, Credentials};
use crate::limits::{Limits, read_capped};

/// The user name by which a helper says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";
/// How long a helper may take: it may ask its user to unlock a key ring.
pub(super) const TIME: Duration = Duration::from_secs(60);

/// Runs `docker-credential-HELPER get`, with the server on its standard input, for no longer than `time`.
pub(super) fn ask(
    helper: &str,
    server: &str,
    time: Duration,
    limits: &Limits,
) -> Result<Option<Credentials>, CredentialError> {
    let failed = |reason: String| CredentialError::Helper { helper: helper.to_owned(), reason };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if helper.is_empty() || helper.starts_with('.') || !helper.bytes().all(is_name) {
        return Err(failed("its name holds more than letters, digits, dots and hyphens".to_owned()));
    }
    run(Command::new(format!("docker-credential-{helper}")), server, time, limits).map_err(failed)
}

fn run(
    mut command: Command,
    server: &str,
    time: Duration,
    limits: &Limits,
) -> Result<Option<Credentials>, String> {
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input is told by its answer.
        drop(stdin.write_all(server.as_bytes()));
    }
    let answer = output(&mut child, time, limits);
    if answer.is_err() {
        // It may wait for a reader that will not come. If it ended by itself, so much the better.
        drop(child.kill());
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let answer = answer?;
    if status.success() {
        return credentials(&answer).map(Some);
    }
    // The protocol has no other way to say that there is nothing.
    let text = String::from_utf8_lossy(&answer).trim().to_ascii_lowercase();
    if text.contains("not found") { Ok(None) } else { Err(status.to_string()) }
}

/// All that `child` writes, if it is done in time.
fn output(child: &mut Child, time: Duration, limits: &Limits) -> Result<Vec<u8>, String> {
    let Some(stdout) = child.stdout.take() else { return Ok(Vec::new()) };
    let (sender, receiver) = mpsc::channel();
    let limit = limits.response_bytes;
    // The thread ends with the helper, whom its caller ends if need be.
    std::thread::spawn(move || drop(sender.send(read_capped(stdout, limit))));
    match receiver.recv_timeout(time) {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it did not answer within {} seconds", time.as_secs_f64())),
    }
}

fn credentials(answer: &[u8]) -> Result<Credentials, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    // The error of the parser may quote what it read, which may be a secret.
    let Ok(Answer { username, secret }) = serde_json::from_slice(answer) else {
        return Err("it does not answer with a user name and a secret".to_owned());
    };
    Ok(match username.as_str() {
        TOKEN_USER => Credentials::IdentityToken(secret),
        _ => Credentials::Password { username, password: secret },
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expect: Result<Option<Credentials>, &str>) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]);
        let found = run(shell, "host.tld", Duration::from_millis(500), &Limits::default());
        match (found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect),
            (Err(error), Err(expect)) => assert!(error.contains(expect), "{error}"),
            (found, expect) => panic!("{found:?} is not {expect:?}"),
        }
    }

    #[test]
    fn a_helper_gives_a_password_or_an_identity_token() {
        check(
            r#"read server; echo "{\"ServerURL\":\"$server\",\"Username\":\"u\",\"Secret\":\"at $server\"}""#,
            Ok(Some(Credentials::Password { username: "u".into(), password: "at host.tld".into() })),
        );
        check(
            r#"echo '{"ServerURL":"","Username":"<token>","Secret":"i"}'"#,
            Ok(Some(Credentials::IdentityToken("i".into()))),
        );
    }

    #[test]
    fn a_helper_that_knows_nothing_is_no_failure() {
        check("echo credentials not found in native keychain; exit 1", Ok(None));
    }

    #[test]
    fn a_helper_that_fails_or_raves_is_an_error() {
        check("exit 7", Err("7"));
        check("echo secret", Err("does not answer with"));
        check("echo '{\"Username\": \"u\"}'", Err("does not answer with"));
        check("exec yes", Err("response-bytes"));
    }

    #[test]
    fn a_helper_that_never_ends_is_ended() {
        check("exec sleep 60", Err("did not answer within 0.5 seconds"));
    }
}

//! Runs a program with an input, within bounds of time and output.

use std::{
    io::{self, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long to wait at most before looking whether the program has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// What a pipe that is ready to be written to takes without making the writer wait.
/// Source: pipe(7), `PIPE_BUF`, which is 4096 bytes on Linux and 512 elsewhere.
const WRITE_BYTES: usize = 512;

/// A program did not run as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// It could not be started.
    #[error("cannot be started: {source}")]
    Start {
        /// Why.
        source: io::Error,
    },
    /// Input, output or end could not be had from the system.
    #[error("cannot be talked to: {source}")]
    Io {
        /// Why.
        source: io::Error,
    },
    /// It took too long, and was ended.
    #[error("gave no answer within {seconds} seconds and was ended; --signer-timeout gives it longer")]
    Time {
        /// How long it had.
        seconds: u64,
    },
    /// It wrote too much, and was ended.
    #[error("wrote more than {bytes} bytes and was ended")]
    Output {
        /// How much it might have written.
        bytes: usize,
    },
    /// It failed.
    #[error("ended with {status}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
    },
}

/// The program with its arguments, in `words`, reads `input` and writes at most `most` bytes, which are returned once it has ended
/// well. Its standard error is ours. It is ended after `limit`, and if anything goes wrong.
pub(super) fn run(
    words: &[String],
    variables: &[(&str, &str)],
    input: &[u8],
    most: usize,
    limit: Duration,
) -> Result<Vec<u8>, ProcessError> {
    let (program, arguments) =
        words.split_first().map_or(("", words), |(first, rest)| (first.as_str(), rest));
    let child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| ProcessError::Start { source })?;
    let mut running = Running { child, limit, deadline: Instant::now().checked_add(limit) };
    let output = running.talk(input, most)?;
    loop {
        match running.ended()? {
            Some(status) if status.success() => return Ok(output),
            Some(status) => return Err(ProcessError::Failed { status }),
            None => std::thread::sleep(running.pause()?.min(PAUSE)),
        }
    }
}

/// A program that is ended when this is dropped.
struct Running {
    child: Child,
    limit: Duration,
    deadline: Option<Instant>,
}

impl Running {
    /// Writes and reads as the program is ready for it, until it closes its output or ends. One that it left behind with the
    /// output open is not waited for.
    fn talk(&mut self, mut input: &[u8], most: usize) -> Result<Vec<u8>, ProcessError> {
        let failed = |source| ProcessError::Io { source };
        let mut stdin = self.child.stdin.take();
        let Some(mut stdout) = self.child.stdout.take() else { return Ok(Vec::new()) };
        let mut output = Vec::new();
        loop {
            // Asked before looking at the pipe: what it wrote before its end is there to be read.
            let has_ended = self.ended()?.is_some();
            if input.is_empty() {
                stdin = None;
            }
            let pause = if has_ended { Duration::ZERO } else { self.pause()?.min(PAUSE) };
            let ready = ready(stdin.as_ref(), &stdout, pause).map_err(failed)?;
            if let (true, Some(pipe)) = (ready.write, &mut stdin) {
                let count = input.len().min(WRITE_BYTES);
                match pipe.write(input.get(..count).unwrap_or_default()) {
                    Ok(written) => input = input.get(written..).unwrap_or_default(),
                    // A program need not read its input to the end, as long as it answers.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => input = &[],
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            if ready.read {
                let mut buffer = [0; 4096];
                match stdout.read(&mut buffer) {
                    Ok(0) => return Ok(output),
                    Ok(count) => output.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(failed(error)),
                }
                if output.len() > most {
                    return Err(ProcessError::Output { bytes: most });
                }
            } else if has_ended {
                return Ok(output);
            }
        }
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.child.try_wait().map_err(|source| ProcessError::Io { source })
    }

    /// The time that is left.
    fn pause(&self) -> Result<Duration, ProcessError> {
        let Some(deadline) = self.deadline else { return Ok(PAUSE) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ProcessError::Time { seconds: self.limit.as_secs() }) } else { Ok(left) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of a program that has ended already neither does anything.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Ready {
    read: bool,
    write: bool,
}

/// Waits until one of the two is ready, or broken, which reading and writing will tell.
fn ready(stdin: Option<&ChildStdin>, stdout: &ChildStdout, pause: Duration) -> io::Result<Ready> {
    let pause = Timespec::try_from(pause).map_err(io::Error::other)?;
    let mut pipes = vec![PollFd::new(stdout, PollFlags::IN)];
    pipes.extend(stdin.map(|stdin| PollFd::new(stdin, PollFlags::OUT)));
    match poll(&mut pipes, Some(&pause)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let is_ready = |at: usize| pipes.get(at).is_some_and(|pipe| !pipe.revents().is_empty());
    Ok(Ready { read: is_ready(0), write: is_ready(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8], limit: Duration) -> Result<Vec<u8>, ProcessError> {
        let words = ["sh", "-c", script].map(str::to_owned);
        run(&words, &[], input, 1000, limit)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn input_goes_in_and_output_comes_out() {
        assert_eq!(shell("cat", b"abc", LONG).unwrap(), b"abc");
        let large = vec![b'x'; 1 << 20];
        assert_eq!(shell("wc -c", &large, LONG).unwrap().trim_ascii(), b"1048576");
    }

    #[test]
    fn input_that_nobody_reads_is_no_failure() {
        assert_eq!(shell("exec <&-; echo done", &vec![0; 1 << 20], LONG).unwrap(), b"done\n");
    }

    #[test]
    fn failing_is_told_with_the_status_whatever_was_written() {
        let error = shell("echo signature; exit 3", b"", LONG).unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        let error = shell("kill -9 $$", b"", LONG).unwrap_err();
        assert!(error.to_string().contains("signal: 9"), "{error}");
        assert!(matches!(run(&["/none".to_owned()], &[], b"", 9, LONG), Err(ProcessError::Start { .. })));
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let begin = Instant::now();
        for script in ["exec sleep 60", "exec >&-; exec sleep 60"] {
            let error = shell(script, b"", Duration::from_millis(200)).unwrap_err();
            assert!(matches!(error, ProcessError::Time { .. }), "{error}");
        }
        assert!(begin.elapsed() < LONG);
    }

    #[test]
    fn a_program_that_writes_without_end_is_ended() {
        assert!(matches!(shell("exec yes", b"", LONG), Err(ProcessError::Output { bytes: 1000 })));
    }

    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for() {
        let begin = Instant::now();
        assert_eq!(shell("sleep 60 2>/dev/null & echo done", b"", LONG).unwrap(), b"done\n");
        assert!(begin.elapsed() < LONG);
    }
}

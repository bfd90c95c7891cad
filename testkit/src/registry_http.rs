//! The loopback registry's HTTP: requests are read, and answers written, spoilt where a fault says so.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    sync::atomic::Ordering,
};

use crate::{
    registry::{FaultKind, Logged, Shared},
    registry_answers::Answer,
};

/// The longest body of a request.
const BODY_BYTES: u64 = 256 << 20;
const LINES: usize = 200;

/// Answers the one request of a connection.
pub(crate) fn serve(stream: impl Read + Write, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    // Someone who speaks TLS, and would wait for an answer to a line that never ends.
    if reader.fill_buf()?.first() == Some(&0x16) {
        return reader.get_mut().write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nthis is HTTP\n");
    }
    let Some((request, body)) = read_request(&mut reader)? else { return Ok(()) };
    let is_head = request.method == "HEAD";
    let range = request.range();
    let (answer, fault) = shared.lock().answer(request, &body);
    let out = reader.get_mut();
    match (answer, fault) {
        (_, Some(FaultKind::Raw(bytes))) => out.write_all(&bytes)?,
        (_, Some(FaultKind::Silence(duration))) => std::thread::sleep(duration),
        (None, _) | (_, Some(FaultKind::LostAnswer)) => {}
        (Some(answer), fault) => write_answer(out, answer, fault, range, is_head, shared)?,
    }
    out.flush()
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<(Logged, Vec<u8>)>> {
    let mut line = String::new();
    if reader.by_ref().take(64 << 10).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = BTreeMap::new();
    for _ in 0..LINES {
        let mut line = String::new();
        reader.by_ref().take(64 << 10).read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let request = Logged { method: method.to_owned(), path: path.to_owned(), status: 0, headers };
    let mut body = Vec::new();
    if request.header("transfer-encoding").contains("chunked") {
        read_chunks(reader, &mut body)?;
    } else {
        let length = request.header("content-length").parse::<u64>().unwrap_or(0);
        let read = io::copy(&mut reader.by_ref().take(length.min(BODY_BYTES)), &mut body)?;
        if read < length {
            return Ok(None);
        }
    }
    Ok(Some((request, body)))
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.by_ref().take(100).read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        io::copy(&mut reader.by_ref().take(length), body)?;
        reader.by_ref().take(2).read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn write_answer(
    out: &mut impl Write,
    mut answer: Answer,
    fault: Option<FaultKind>,
    range: Option<(usize, Option<usize>)>,
    is_head: bool,
    shared: &Shared,
) -> io::Result<()> {
    let (mut sent, mut wait) = (usize::MAX, None);
    let mut range = range.filter(|_| answer.takes_ranges());
    match fault {
        Some(FaultKind::OtherBytes) => answer.body.iter_mut().for_each(|byte| *byte ^= 0xff),
        Some(FaultKind::Body(body)) => answer.body = body,
        Some(FaultKind::Header(name, value)) => answer.set(name, &value),
        Some(FaultKind::OtherDigest) => {
            answer.set("Docker-Content-Digest", &format!("sha256:{}", "0".repeat(64)));
        }
        Some(FaultKind::IgnoreRange) => range = None,
        Some(FaultKind::OtherRange) => range = range.map(|(from, end)| (from / 2, end)),
        Some(FaultKind::DropAfter(bytes)) => sent = bytes,
        Some(FaultKind::Trickle(duration)) => wait = Some(duration),
        Some(FaultKind::Endless) => return endless(out, &answer, shared),
        _ => {}
    }
    if let Some((from, end)) = range {
        let whole = answer.body.len();
        answer.body.truncate(end.unwrap_or(whole));
        answer.body.drain(..from.min(answer.body.len()));
        answer.status = 206;
        if !answer.has("Content-Range") {
            let last = (from + answer.body.len()).saturating_sub(1);
            answer.set("Content-Range", &format!("bytes {from}-{last}/{whole}"));
        }
    }
    write!(out, "HTTP/1.1 {} X\r\nConnection: close\r\n", answer.status)?;
    for (name, value) in &answer.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    write!(out, "Content-Length: {}\r\n\r\n", answer.body.len())?;
    let body = if is_head { &[] } else { answer.body.as_slice() };
    let body = body.get(..sent).unwrap_or(body);
    shared.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
    let Some(wait) = wait else { return out.write_all(body) };
    for byte in body.chunks(1) {
        if shared.stopped.load(Ordering::Relaxed) {
            break;
        }
        out.write_all(byte)?;
        out.flush()?;
        std::thread::sleep(wait);
    }
    Ok(())
}

fn endless(out: &mut impl Write, answer: &Answer, shared: &Shared) -> io::Result<()> {
    write!(out, "HTTP/1.1 {} X\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n", answer.status)?;
    for (name, value) in &answer.headers {
        write!(out, "{name}: {value}\r\n")?;
    }
    let chunk = [b"8000\r\n".to_vec(), vec![b' '; 0x8000], b"\r\n".to_vec()].concat();
    out.write_all(b"\r\n")?;
    while !shared.stopped.load(Ordering::Relaxed) {
        out.write_all(&chunk)?;
    }
    Ok(())
}

//! HTTP/1.1 on one connection that stays open, one request at a time: as much as a sandbox's server needs.
//!
//! It blocks its thread on purpose: virtual time stands while a request is on its way, as it does in process. Knows
//! nothing of what is asked.

use bytes::Bytes;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(3);

/// An answer that takes longer never comes: a sandbox computes for milliseconds, and waits no longer than it is told.
const ANSWER: Duration = Duration::from_secs(60);

/// The longest line of a head, and the most lines.
const LINE: u64 = 64 * 1024;
const LINES: usize = 256;

/// The largest body that is taken.
const LARGEST: u64 = 1 << 30;

/// What came back.
pub struct Heard {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is asked.
pub struct Asked<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub host: &'a str,
    /// Without `Host`, `Content-Length` and what belongs to the connection.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// A connection. After an error it is of no further use.
pub struct Line(BufReader<TcpStream>);

impl Line {
    pub fn open(address: SocketAddr) -> io::Result<Line> {
        let stream = TcpStream::connect_timeout(&address, CONNECT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        Ok(Line(BufReader::new(stream)))
    }

    /// Sends a request and reads its answer. An error says nothing about whether it took effect.
    pub fn ask(&mut self, asked: &Asked<'_>) -> io::Result<Heard> {
        let mut out = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n",
            asked.method,
            asked.target,
            asked.host,
            asked.body.len()
        );
        for (name, value) in asked.headers {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(value);
            out.push_str("\r\n");
        }
        out.push_str("\r\n");
        let mut out = out.into_bytes();
        out.extend_from_slice(asked.body);
        self.0.get_mut().write_all(&out)?;
        self.answer(asked.method)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.0).take(LINE).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            let ended = "the connection ended before the answer";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, ended));
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn answer(&mut self, method: &str) -> io::Result<Heard> {
        let first = self.line()?;
        let status = first
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| wrong("this is not HTTP"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if headers.len() >= LINES {
                return Err(wrong("too many headers"));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| wrong("a bad header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut heard = Heard {
            status,
            headers,
            body: Bytes::new(),
        };
        if method == "HEAD" || status == 204 || status == 304 {
            return Ok(heard);
        }
        let length: Option<u64> = heard.header("content-length").and_then(|l| l.parse().ok());
        let length = length
            .filter(|length| *length <= LARGEST)
            .ok_or_else(|| wrong("an answer without a length"))?;
        let mut body = Vec::new();
        (&mut self.0).take(length).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            let ended = "the connection ended within the answer";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, ended));
        }
        heard.body = Bytes::from(body);
        Ok(heard)
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What is read from a server that answers exactly these bytes, and what it was asked.
    fn heard(method: &'static str, answer: &'static str) -> (io::Result<Heard>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked[..read].to_vec()).unwrap()
        });
        let answer = Line::open(address).unwrap().ask(&Asked {
            method,
            target: "/x?y=1",
            host: "rds.eu-west-1.amazonaws.com",
            headers: &[("X-One".into(), "1".into())],
            body: b"abc",
        });
        (answer, server.join().unwrap())
    }

    #[test]
    fn a_request_names_the_host_it_means_and_the_answer_is_read_to_its_length() {
        let (answer, asked) = heard(
            "POST",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nhi",
        );
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status, answer.header("x-a"), &answer.body[..]),
            (200, Some("b"), &b"hi"[..])
        );
        assert_eq!(
            asked,
            "POST /x?y=1 HTTP/1.1\r\nHost: rds.eu-west-1.amazonaws.com\r\nContent-Length: 3\r\nX-One: 1\r\n\r\nabc"
        );
        let (head, _) = heard("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        assert!(head.unwrap().body.is_empty());
    }

    #[test]
    fn half_an_answer_is_an_error() {
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\n\r\nhi",
            "SSH-2.0\r\n",
        ] {
            assert!(heard("GET", answer).0.is_err(), "{answer}");
        }
    }
}

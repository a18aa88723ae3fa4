//! HTTP/1.1 over a plain socket: small enough to send what no library would.
//!
//! Owns the writing of requests (whole, chunked, raw, cut off) and the reading of answers. Knows no route.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

use crate::harness::DEADLINE;

/// A request to be sent. `Host` is the server's address unless a header says otherwise.
#[derive(Clone)]
pub struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    is_chunked: bool,
}

impl Request {
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        let (method, target) = (method.to_string(), target.to_string());
        Self { address, method, target, headers: Vec::new(), body: Vec::new(), is_chunked: false }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Without a length, in pieces of odd sizes.
    pub fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    /// On a connection of its own.
    pub fn send(&self) -> Answer {
        Connection::open(self.address).send(&self.clone().header("connection", "close"))
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.is_chunked {
            head.push_str("transfer-encoding: chunked\r\n");
        } else if !self.has("content-length") && (self.method == "POST" || !self.body.is_empty()) {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !self.is_chunked {
            bytes.extend(&self.body);
            return bytes;
        }
        for chunk in self.body.chunks(997 + self.body.len() / 20) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

/// A connection that can carry several requests.
pub struct Connection {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).unwrap())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    /// As [`Self::open`]; `None` when nobody takes connections there.
    pub fn try_open(address: SocketAddr) -> Option<Self> {
        TcpStream::connect_timeout(&address, DEADLINE).ok().map(Self::of)
    }

    /// By which the other side knows it.
    pub fn local_port(&self) -> u16 {
        self.stream.local_addr().map_or(0, |address| address.port())
    }

    /// A request and its answer; `None` when the server goes away before it is whole.
    pub fn exchange(&mut self, request: &Request) -> Option<Answer> {
        self.stream.write_all(&request.encode()).ok()?;
        self.read_if_any()
    }

    pub fn send(&mut self, request: &Request) -> Answer {
        self.write_and_read(&request.encode(), request.method == "HEAD")
    }

    /// Writes bytes as they are, then reads one answer. The server may answer, and hang up, before it has them all.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Answer {
        self.write_and_read(bytes, false)
    }

    fn write_and_read(&mut self, bytes: &[u8], is_head: bool) -> Answer {
        let mut writer = self.stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // An error means that it hung up: the answer tells why.
                let _ = writer.write_all(bytes);
            });
            let answer = read_answer(&mut self.reader, is_head);
            if answer.is_none() || bytes.len() > 1 << 20 {
                // Lets a writer go that the server no longer reads from.
                let _ = self.stream.shutdown(Shutdown::Both);
            }
            answer.expect("an answer")
        })
    }

    /// Writes a part of something, and says whether the server still takes it.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more will come.
    pub fn finish_writing(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The answer, or `None` when the server hangs up without one.
    pub fn read_if_any(&mut self) -> Option<Answer> {
        read_answer(&mut self.reader, false)
    }

    /// Reads until the server hangs up.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.reader.read_to_end(&mut bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the server does not hang up"),
            _ => bytes,
        }
    }

    /// Reads an endless answer until all of `wanted` have been seen, and gives back what came.
    pub fn read_until(&mut self, wanted: &[&str]) -> String {
        let mut text = String::new();
        while !wanted.iter().all(|wanted| text.contains(wanted)) {
            let mut line = Vec::new();
            let count = self.reader.read_until(b'\n', &mut line);
            assert!(count.is_ok_and(|count| count > 0), "waited in vain for {wanted:?} in {text}");
            text.push_str(&String::from_utf8_lossy(&line));
        }
        text
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Itself, when it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

fn read_answer(reader: &mut BufReader<TcpStream>, is_head: bool) -> Option<Answer> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_string(), value.trim().to_string()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if is_head || status == 204 || status == 304 {
        return Some(answer);
    }
    if let Some(length) = answer.header("content-length") {
        answer.body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut answer.body).ok()?;
    } else if answer.header("transfer-encoding").is_some() {
        read_chunks(reader, &mut answer.body)?;
    } else {
        reader.read_to_end(&mut answer.body).ok()?;
    }
    Some(answer)
}

fn read_chunks(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(());
        }
        body.extend(&chunk[..length]);
    }
}

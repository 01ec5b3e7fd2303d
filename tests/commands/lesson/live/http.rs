//! HTTP on 127.0.0.1, for the browser of one learner: a thread for each connection, one request on each.

use std::collections::VecDeque;
use std::io::{self, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a request may take to arrive, and a browser to take a part of the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection is kept for what else the browser sends, so that no reset destroys the answer.
const LINGERING: Duration = Duration::from_secs(1);

/// How many connections may be without a request. Browsers open some in advance; the oldest one goes.
const MOST_SILENT: usize = 32;

const LONGEST_HEAD: usize = 16 * 1024;
const LONGEST_BODY: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;

/// What a browser asks for.
pub struct Request {
    pub method: String,
    /// The path, and the query behind its question mark.
    pub path: String,
    pub query: String,
    pub body: String,
    fields: Vec<(String, String)>,
}

impl Request {
    /// Returns the value of a header field, unless there are several.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|field| field.0.eq_ignore_ascii_case(name));
        values.next().filter(|_| values.next().is_none()).map(|field| field.1.as_str())
    }
}

/// What it gets: the status, header fields, and the content.
pub struct Response {
    pub status: &'static str,
    pub fields: Vec<(&'static str, String)>,
    pub content: Body,
}

pub enum Body {
    Text(String),
    /// What writes it little by little, until the browser leaves.
    Stream(Write),
}

type Write = Box<dyn FnOnce(&mut TcpStream) -> io::Result<()>>;

impl Response {
    /// Creates an answer without header fields.
    pub fn new(status: &'static str, text: impl Into<String>) -> Self {
        Self { status, fields: Vec::new(), content: Body::Text(text.into()) }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Creates an answer that only says why there is no other one.
    pub fn refusal(status: &'static str, why: &str) -> Self {
        Self::new(status, format!("{why}\n")).with("Content-Type", "text/plain; charset=utf-8")
    }
}

/// Answers all requests, for as long as the process runs.
pub fn serve(
    listener: &TcpListener,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) {
    let (answer, silent) = (Arc::new(answer), Arc::new(Silent::default()));
    for (number, stream) in listener.incoming().enumerate() {
        let Ok(stream) = stream else {
            thread::sleep(Duration::from_millis(10)); // such as no descriptor left
            continue;
        };
        let (answer, silent) = (Arc::clone(&answer), Arc::clone(&silent));
        silent.add(number, &stream);
        let _ = thread::Builder::new().spawn(move || {
            let request = read(&stream);
            silent.remove(number);
            let answer = request.map_or_else(|refusal| *refusal, |request| answer(&request));
            // An error means that the browser has gone.
            let _ = write(stream, answer);
        });
    }
}

/// The connections on which no request has arrived yet, the oldest first.
#[derive(Default)]
struct Silent(Mutex<VecDeque<(usize, TcpStream)>>);

impl Silent {
    fn add(&self, number: usize, stream: &TcpStream) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(stream) = stream.try_clone() {
            all.push_back((number, stream));
        }
        if all.len() > MOST_SILENT {
            if let Some((_, oldest)) = all.pop_front() {
                let _ = oldest.shutdown(Shutdown::Both);
            }
        }
    }

    fn remove(&self, number: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|silent| silent.0 != number);
    }
}

fn read(mut stream: &TcpStream) -> Result<Request, Box<Response>> {
    let refuse = |status, why| Err(Box::new(Response::refusal(status, why)));
    let deadline = Instant::now() + PATIENCE;
    let mut read = Vec::new();
    let mut more = |read: &mut Vec<u8>| {
        let mut buffer = [0; 4096];
        let left = deadline.saturating_duration_since(Instant::now());
        let count = stream
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))
            .and_then(|()| stream.read(&mut buffer))
            .unwrap_or_default();
        read.extend_from_slice(&buffer[..count]);
        count > 0
    };
    let (mut request, head) = loop {
        match parse(&read) {
            Ok(Some(parsed)) => break parsed,
            Ok(None) if read.len() > LONGEST_HEAD => {
                return refuse("431 Request Header Fields Too Large", "too long");
            }
            Ok(None) if more(&mut read) => {}
            Ok(None) => return refuse("408 Request Timeout", "no request"),
            Err(_) => return refuse("400 Bad Request", "not HTTP"),
        }
    };
    let length = match (request.field("Content-Length"), request.field("Transfer-Encoding")) {
        (None, None) => 0,
        (Some(length), None) => match length.parse::<usize>() {
            Ok(length) if length <= LONGEST_BODY => length,
            Ok(_) => return refuse("413 Content Too Large", "too long"),
            Err(_) => return refuse("400 Bad Request", "no length"),
        },
        _ => return refuse("411 Length Required", "no length"),
    };
    while read.len() < head + length {
        if !more(&mut read) {
            return refuse("408 Request Timeout", "only a part of it");
        }
    }
    match String::from_utf8(read[head..head + length].to_vec()) {
        Ok(body) => request.body = body,
        Err(_) => return refuse("400 Bad Request", "not UTF-8"),
    }
    Ok(request)
}

/// Returns a request without its body, and how long its head is; `None` where more has to arrive.
fn parse(read: &[u8]) -> Result<Option<(Request, usize)>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = parsed.parse(read)? else {
        return Ok(None);
    };
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields = parsed.headers.iter();
    let fields = fields.map(|field| (field.name, String::from_utf8_lossy(field.value)));
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: String::new(),
        fields: fields.map(|(name, value)| (name.to_owned(), value.into_owned())).collect(),
    };
    Ok(Some((request, length)))
}

fn write(mut stream: TcpStream, answer: Response) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", answer.status);
    let length = match &answer.content {
        Body::Text(text) => Some(("Content-Length", text.len().to_string())),
        Body::Stream(_) => None,
    };
    for (name, value) in answer.fields.iter().chain(&length) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    match answer.content {
        Body::Text(text) => stream.write_all(text.as_bytes())?,
        Body::Stream(write) => write(&mut stream)?,
    }
    // As short-server does: a close over unread bytes would send a reset.
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + LINGERING;
    let mut rest = [0; 4096];
    while let Some(left) =
        deadline.checked_duration_since(Instant::now()).filter(|it| !it.is_zero())
    {
        stream.set_read_timeout(Some(left))?;
        if stream.read(&mut rest)? == 0 {
            break;
        }
    }
    Ok(())
}

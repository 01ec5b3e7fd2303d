//! Who is let in: the browser that has opened the address that was printed, and no page of another site.

use std::io;

use super::http::{Request, Response};

/// What every answer says.
const ALWAYS: [(&str, &str); 5] = [
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
];

pub struct Door {
    host: String,
    /// Stands in the address, and is exchanged for a cookie, so that it does not stay in the history.
    key: String,
    /// The name tells apart what runs at another port, since cookies do not.
    cookie: (String, String),
}

impl Door {
    pub fn new(port: u16) -> io::Result<Self> {
        let (host, key) = (format!("127.0.0.1:{port}"), random()?);
        Ok(Self { host, key, cookie: (format!("lesson-{port}"), random()?) })
    }

    pub fn address(&self) -> String {
        format!("http://{}/?{}", self.host, self.key)
    }

    /// Answers a request: with a refusal, or with what `inside` says.
    pub fn answer(&self, request: &Request, inside: impl FnOnce(&Request) -> Response) -> Response {
        let mut answer = self.refuse(request).unwrap_or_else(|| inside(request));
        answer.fields.extend(ALWAYS.map(|(name, value)| (name, value.to_owned())));
        answer
    }

    fn refuse(&self, request: &Request) -> Option<Response> {
        // Another site's name can be made to lead here (DNS rebinding), so the name has to be ours.
        if request.field("Host") != Some(&self.host) {
            return Some(Response::refusal(
                "403 Forbidden",
                "This is not the address of the lesson.",
            ));
        }
        if request.path == "/" && is_same(&request.query, &self.key) {
            let (name, value) = &self.cookie;
            let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict");
            let answer = Response::new("303 See Other", "").with("Location", "/");
            return Some(answer.with("Set-Cookie", cookie));
        }
        let cookies = request.field("Cookie").unwrap_or_default().split("; ");
        let mut values = cookies.filter_map(|cookie| cookie.split_once('='));
        if !values.any(|(name, value)| name == self.cookie.0 && is_same(value, &self.cookie.1)) {
            let why = "Open the address that cargo lesson has printed, with all that stands behind its question mark.";
            return Some(Response::refusal("403 Forbidden", why));
        }
        // A form of another site cannot send this, nor can its script unless it is allowed to.
        let is_ours = request.field("Origin") == Some(&format!("http://{}", self.host))
            && request.field("Content-Type") == Some("application/json");
        if request.method != "GET" && !is_ours {
            return Some(Response::refusal("403 Forbidden", "This does not come from the page."));
        }
        None
    }
}

/// Returns 128 bits as text.
pub fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Compares in a time that does not tell where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    one.len() == other.len()
        && pairs.fold(0, |different, (one, other)| different | (one ^ other)) == 0
}

//! A program that does not use the ADDRESS it is started with cannot be judged; it is told so once.

use std::fs;
use std::path::Path;

use super::running::Running;
use super::{Failure, Kind, Setup, Subject};

/// What tells a language, by the ending of a file's name or by the name of an interpreter, and the
/// lines that take ADDRESS there.
const LANGUAGES: &[(&str, &[&str], &str)] = &[
    (
        "Python",
        &["py", "python", "python3"],
        r#"host, port = sys.argv[-1].rsplit(":", 1); port = int(port)"#,
    ),
    (
        "JavaScript",
        &["js", "mjs", "cjs", "node"],
        r#"const [host, port] = process.argv.at(-1).split(":");"#,
    ),
    (
        "Java",
        &["java", "jar"],
        r#"String[] address = args[args.length - 1].split(":");  // host, port"#,
    ),
    ("Go", &["go"], "address := os.Args[len(os.Args)-1]"),
    ("Rust", &["rs", "cargo"], "let address = std::env::args().last().unwrap();"),
    ("Perl", &["pl", "perl"], "my ($host, $port) = split /:/, $ARGV[-1];"),
    ("Ruby", &["rb", "ruby"], r#"host, port = ARGV.last.split(":")"#),
    ("bash", &["sh", "bash"], "address=${!#}; host=${address%:*}; port=${address##*:}"),
    (
        "C",
        &["c"],
        "char *port = strrchr(argv[argc - 1], ':');  *port++ = 0;  /* argv[argc - 1] is the host */",
    ),
];

/// Returns why no row of a program can be judged, and what to do about it, if that is so.
pub fn why_not_judged(subject: &Subject) -> Option<String> {
    let traced = Running::start(subject, Setup::Traced);
    let mut program = traced.or_else(|_| Running::start(subject, Setup::Plain)).ok()?;
    let Err(Failure::No { got, kind: Kind::ConnectionLost, .. }) = program.meet() else {
        return None;
    };
    let verb = if program.is_server() { "listens" } else { "connects" };
    let is_elsewhere = program.elsewhere();
    let what = match &is_elsewhere {
        Some(elsewhere) => format!("{elsewhere}, not on the ADDRESS it was given"),
        None => match program.last_words() {
            Some(words) => {
                let words = words.trim_start_matches("it ended with ");
                format!("it ends before it {verb}: {words}")
            }
            None => format!("it {verb} nowhere: {got}"),
        },
    };
    let what = if program.is_server() { what } else { what.replace("not on", "not to") };
    Some(format!("{what}\n{}", hint(subject, &program)))
}

/// Says how a program is started, and how it takes its ADDRESS in its language, if that is known.
fn hint(subject: &Subject, program: &Running) -> String {
    let address = program.address;
    let hint = format!(
        "hint: cargo compare starts it anew for every row, with an ADDRESS such as {address} as \
         the last argument"
    );
    match language(subject) {
        None => hint,
        Some((name, line)) => format!("{hint}; in {name}:\n    {line}"),
    }
}

fn language(subject: &Subject) -> Option<(&'static str, &'static str)> {
    let words = subject.edition.command.iter();
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let is_of = |word: &String, signs: &[&str]| {
        let path = Path::new(word);
        // python3.12 is Python, too.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned();
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        signs.contains(&ending.as_ref()) || signs.contains(&name.as_str())
    };
    let named = LANGUAGES.iter().find(|(_, signs, _)| words.iter().any(|word| is_of(word, signs)));
    let found = named.or_else(|| {
        let name = language_of_binary(&words[0])?;
        LANGUAGES.iter().find(|(language, ..)| *language == name)
    });
    found.map(|(name, _, line)| (*name, *line))
}

/// Tells a compiled program's language by what its compiler leaves in it.
fn language_of_binary(path: &str) -> Option<&'static str> {
    let bytes = fs::read(path).ok()?;
    let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    match () {
        () if !bytes.starts_with(b"\x7fELF") => None,
        () if has(b"/rustc/") => Some("Rust"),
        () if has(b"Go build") => Some("Go"),
        () => Some("C"),
    }
}

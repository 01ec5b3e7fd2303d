//! The console blocks of the README, the experiments, the comparison and the reference: each is run,
//! and prints what it shows.
//!
//! A heading begins a story with a network of its own. A block is what one terminal shows:
//! `# terminal 1`, commands after `$`, and lines that are printed. `...` means any lines,
//! `^C` for Ctrl-C. A prompt of `STEP=1` is answered when the block, or the terminal's next one,
//! goes on after it. A block under `<!-- not run: why -->` is left out.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::demo::{sides_of, without_ports};
use harness::{
    LEAVE_THREE_FILES_OPEN, Process, Program, own_network, path_of_alias, programs, python, strace,
};

#[test]
fn readme_shows_what_is_printed() {
    run_all_blocks_of("README.md");
}

#[test]
fn experiments_show_what_is_printed() {
    run_all_blocks_of("docs/experiments.md");
}

#[test]
fn comparison_shows_what_is_printed() {
    run_all_blocks_of("docs/comparison.md");
}

#[test]
fn reference_shows_what_is_printed() {
    run_all_blocks_of("docs/reference.md");
}

fn run_all_blocks_of(document: &str) {
    if python().is_none() || strace().is_none() {
        return;
    }
    // Most of the time is spent on waiting, so that the stories are told at the same time.
    thread::scope(|scope| {
        for story in stories(document) {
            scope.spawn(move || tell(document, &story));
        }
    });
}

/// Does what a story shows, and checks that it shows all that is printed.
fn tell(document: &str, story: &[Block]) {
    let (Some(first), Some(network)) = (story.first(), Network::new()) else {
        return;
    };
    let mut terminals: BTreeMap<&str, Terminal> = BTreeMap::new();
    for block in story {
        let terminal = terminals.entry(&block.terminal).or_default();
        let mut lines = block.lines.iter();
        let shown = lines.try_for_each(|line| terminal.show(line, &network));
        shown
            .and_then(|()| terminal.compare())
            .unwrap_or_else(|problem| panic!("{document}:{}: {problem}", block.line_number));
    }
    for (name, terminal) in &mut terminals {
        let is_complete = terminal.has_shown_all();
        assert!(is_complete, "{document}:{}: terminal {name} prints more", first.line_number);
    }
    terminals.into_values().for_each(Terminal::stop);
}

/// What one terminal shows next.
struct Block {
    line_number: usize,
    terminal: String,
    lines: Vec<String>,
}

/// Returns the blocks under each heading.
fn stories(document: &str) -> Vec<Vec<Block>> {
    let mut stories = vec![Vec::new()];
    let text = read(document);
    let mut lines = text.lines().enumerate();
    let mut is_run = true;
    while let Some((index, line)) = lines.next() {
        if line.starts_with('#') {
            stories.push(Vec::new());
        } else if line.starts_with("<!-- not run: ") {
            is_run = false;
        } else if line.starts_with("```") && line != "```" {
            let shown = lines.by_ref().map(|(_, line)| line.to_owned());
            let mut shown = shown.take_while(|line| line != "```");
            if line == "```console" && is_run {
                let first = shown.next().unwrap_or_default();
                let terminal = first.strip_prefix("# terminal ");
                let terminal = terminal.unwrap_or_else(|| panic!("{document}: {first}")).to_owned();
                let block = Block { line_number: index + 1, terminal, lines: shown.collect() };
                stories.last_mut().expect("there is one from the beginning").push(block);
            } else {
                shown.for_each(drop);
            }
            is_run = true;
        }
    }
    stories
}

pub fn read(document: &str) -> String {
    let path = root().join(document);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A network in which the default address is free, for several processes.
struct Network {
    holder: Process,
    /// What `nstat` has counted there; otherwise it is one file for all that a user runs.
    history: NamedTempFile,
}

impl Network {
    fn new() -> Option<Self> {
        let mut command = own_network()?;
        command.args(["sh", "-c", "echo ready && exec sleep 1000"]);
        let mut holder = Program::of(command).start();
        holder.expect("ready");
        let history = NamedTempFile::new().expect("a file can be made");
        Some(Self { holder, history })
    }

    /// Runs a command as it is typed, with both outputs in one, as in a terminal.
    fn run(&self, typed: &str) -> Process {
        let folder = programs().expect("the programs compile");
        let folder = format!("'{}/'", folder.display());
        let typed = typed
            .replace("target/debug/", &folder)
            .replace("cargo run --bin ", &folder)
            .replace("cargo demo", &alias("demo"))
            .replace("cargo compare", &alias("compare"));
        // The program takes the shell's place, so that Ctrl-C is for the program.
        let is_variable = |word: &&str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
        let variables: Vec<&str> = typed.split(' ').take_while(is_variable).collect();
        let program: Vec<&str> = typed.split(' ').skip_while(is_variable).collect();
        let (variables, program) = (variables.join(" "), program.join(" "));
        let line = format!("{LEAVE_THREE_FILES_OPEN}; {variables} exec {program} 2>&1");

        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "--user", "--net", "--target"]);
        command.arg(self.holder.id().to_string());
        // Whoever started the tests may ignore Ctrl-C, and programs inherit that.
        command.args(["env", "--default-signal=INT", "bash", "-c", &line]);
        command.current_dir(root()).env("PYTHONUNBUFFERED", "1");
        command.env("NSTAT_HISTORY", self.history.path());
        Program::of(command).with_input().start()
    }
}

fn alias(name: &str) -> String {
    format!("'{}'", path_of_alias(name).display())
}

fn is_name(word: &str) -> bool {
    word.chars().all(|character| character == '_' || character.is_ascii_uppercase())
}

/// One terminal, in which one program runs after another.
#[derive(Default)]
struct Terminal {
    process: Option<Process>,
    /// Lines of the block that are still to be compared with what is printed.
    expected: Vec<String>,
    /// The prompt that waits for Enter.
    prompt: Option<String>,
    /// Whether any lines may come before the next expected one.
    skips: bool,
}

impl Terminal {
    fn show(&mut self, line: &str, network: &Network) -> Result<(), String> {
        if let Some(command) = line.strip_prefix("$ ") {
            self.compare()?;
            self.end_program()?;
            self.process = Some(network.run(command));
        } else if let Some(prompt) = line.strip_suffix("^C") {
            self.compare()?;
            if !prompt.is_empty() && self.prompt.take().as_deref() != Some(prompt.trim_end()) {
                return Err(format!("{line} does not repeat the prompt"));
            }
            self.process()?.interrupt();
        } else if line == "..." {
            self.compare()?;
            self.skips = true;
        } else if self.prompt.as_deref() == Some(line) && self.expected.is_empty() {
            // The block repeats the prompt that the terminal's last one ended with.
        } else {
            if self.prompt.take().is_some() {
                self.process()?.enter();
            }
            self.expected.push(line.to_owned());
            if line.starts_with("next: ") {
                self.compare()?;
                self.prompt = Some(line.to_owned());
            }
        }
        Ok(())
    }

    /// Compares the lines that have gathered with as many that the program prints.
    fn compare(&mut self) -> Result<(), String> {
        if self.expected.is_empty() {
            return Ok(());
        }
        let expected = std::mem::take(&mut self.expected);
        let mut printed = Vec::new();
        while printed.len() < expected.len() {
            let Some(line) = self.process()?.shown() else {
                break;
            };
            let is_skipped = self.skips && without_ports(&line) != without_ports(&expected[0]);
            if !is_skipped {
                self.skips = false;
                printed.push(line);
            }
        }
        if in_columns(&printed) == in_columns(&expected) {
            return Ok(());
        }
        Err(format!(
            "it shows\n{}\nbut this is printed\n{}",
            expected.join("\n"),
            printed.join("\n")
        ))
    }

    /// Waits for the program's end, by which it has to have shown everything.
    fn end_program(&mut self) -> Result<(), String> {
        if let Some(process) = self.process.take() {
            let rest = process.finish().stdout;
            if !rest.trim().is_empty() && !self.skips {
                return Err(format!("more is printed than is shown:\n{rest}"));
            }
        }
        self.skips = false;
        Ok(())
    }

    /// Returns whether nothing has been printed that was not shown.
    fn has_shown_all(&mut self) -> bool {
        let a_while = Duration::from_millis(20);
        self.skips
            || self.process.as_mut().is_none_or(|process| process.stdout.is_silent_for(a_while))
    }

    /// Ends what still runs as its reader does, with Ctrl-C: the demo stops its two programs then.
    fn stop(self) {
        if let Some(process) = self.process {
            process.interrupt();
            process.finish();
        }
    }

    fn process(&mut self) -> Result<&mut Process, String> {
        self.process.as_mut().ok_or_else(|| "nothing runs in this terminal".to_owned())
    }
}

/// Separates what happens at the same time, and so in any order: the columns of the demo, and the
/// next `accept` of a server whose client has a thread.
fn in_columns(lines: &[String]) -> [Vec<String>; 3] {
    let mut columns = [(); 3].map(|()| Vec::new());
    for line in lines {
        for (column, text) in sides_of(line).into_iter().enumerate() {
            let text = without_ports(text).trim().to_owned();
            let column = if text == "[.] accept(3) ..." { 2 } else { column };
            if !text.is_empty() {
                columns[column].push(text);
            }
        }
    }
    columns
}

#[test]
fn links_lead_to_the_file_and_the_line_they_name() {
    for english in pages() {
        for document in [&english, &english.replace(".md", ".zh-CN.md")] {
            let folder = Path::new(document).parent().expect("it is a file");
            for link in read(document).split("](").skip(1) {
                let target = link.split(')').next().unwrap_or_default();
                let (file, place) = target.split_once('#').unwrap_or((target, ""));
                if file.starts_with("https://") {
                    continue;
                }
                let path = match file {
                    "" => document.to_owned(),
                    file => folder.join(file).display().to_string(),
                };
                let text = read(&path);
                let found = match place.strip_prefix('L') {
                    Some(line) => is_on_line(&text, line, document, target),
                    None => place.is_empty() || headings(&text).any(|heading| heading == place),
                };
                assert!(found, "{document}: {target}");
            }
        }
    }
}

/// Returns whether the code that names the link is on this line.
fn is_on_line(source: &str, line: &str, document: &str, target: &str) -> bool {
    let line: usize = line.parse().expect("a line has a number");
    let page = read(document);
    let before = page.split(&format!("]({target})")).next().unwrap_or_default();
    let code = before.rsplit('[').next().unwrap_or_default();
    let source = source.lines().nth(line - 1).unwrap_or_default();
    !code.contains('`') || source.contains(code.trim_matches('`'))
}

/// Returns the names by which the headings of a page are linked.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let headings = page.lines().filter(|line| line.starts_with("##"));
    headings.map(|heading| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    })
}

/// Returns the pages in English; each has a Chinese one beside it.
fn pages() -> Vec<String> {
    let files = fs::read_dir(root().join("docs")).expect("it is a folder");
    let names = files.map(|file| file.expect("it is listed").file_name().into_string());
    let names = names.map(|name| name.expect("a page's name is UTF-8"));
    let pages = names.filter(|name| name.ends_with(".md") && !name.ends_with(".zh-CN.md"));
    pages.map(|name| format!("docs/{name}")).chain(["README.md".to_owned()]).collect()
}

#[test]
fn both_languages_show_the_same_blocks_and_lead_to_each_other() {
    for english in &pages() {
        let chinese = &english.replace(".md", ".zh-CN.md");
        let (blocks, others) = (blocks_of(english), blocks_of(chinese));
        for (block, other) in blocks.iter().zip(&others) {
            assert_eq!(block, other, "{chinese}");
        }
        assert_eq!(blocks.len(), others.len(), "{chinese}");
        for (document, other) in [(english, chinese), (chinese, english)] {
            let other = Path::new(other).file_name().and_then(|name| name.to_str());
            let link = format!("]({})", other.expect("it has a name"));
            assert!(read(document).lines().next().is_some_and(|line| line.ends_with(&link)));
        }
    }
}

/// Returns everything between fences, but for the diagrams, which are in the page's language.
fn blocks_of(document: &str) -> Vec<String> {
    let text = read(document);
    let blocks = text.split("```").skip(1).step_by(2);
    let same = blocks.filter(|block| !block.starts_with("mermaid"));
    same.map(str::to_owned).collect()
}

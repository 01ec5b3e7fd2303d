//! The console blocks of the README, the experiments, the comparison and the reference: each is run,
//! and prints what it shows. With `UPDATE=1` the pages of both languages are changed to show what it
//! prints, which a new block can leave out.
//!
//! A heading begins a section with a network of its own. A block is what one terminal shows:
//! `# terminal 1`, commands after `$`, and lines that are printed. `...` means any lines,
//! `^C` for Ctrl-C. A prompt of `STEP=1` is answered when the block, or the terminal's next one,
//! goes on after it. A block under `<!-- not run: why -->` is left out.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::mem;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use pretty_assertions::StrComparison;
use tempfile::NamedTempFile;

use super::page::LESSON;
use super::site::is_step;
use crate::commands::demo::without_ports;
use crate::turn::Turn;
use support::run::{
    LEAVE_THREE_FILES_OPEN, Process, Program, or_skip, own_network, path_of_alias, poll, programs,
    python, strace,
};
use support::{anchor_of, root};

/// How long a program may go on before it waits for something.
const A_WHILE: Duration = Duration::from_secs(5);

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
    let _turn = Turn::wait_for_rows();
    run_all_blocks_of("docs/comparison.md");
}

#[test]
fn reference_shows_what_is_printed() {
    run_all_blocks_of("docs/reference.md");
}

#[test]
fn experiments_tell_each_command_before_they_fold_what_it_prints() {
    for document in ["docs/experiments.md", "docs/experiments.zh-CN.md"] {
        for experiment in read(document).split("\n## ") {
            let mut told = String::new();
            for part in experiment.split("<details>") {
                let (folded, open) = part.split_once("</details>").unwrap_or(("", part));
                for command in folded.lines().filter_map(|line| line.strip_prefix("$ ")) {
                    assert!(told.contains(&format!("`{command}`")), "{document}: {command}");
                }
                assert!(!open.contains("```console"), "{document}: a block is not folded");
                told.push_str(open);
            }
        }
    }
}

fn run_all_blocks_of(document: &str) {
    if or_skip("Python", python()).is_none() || or_skip("strace", strace()).is_none() {
        return;
    }
    // Most of the time is spent on waiting, so that the sections are run at the same time.
    let printed: Vec<(usize, String)> = thread::scope(|scope| {
        let run = |section: Vec<ConsoleBlock>| scope.spawn(move || run(document, &section));
        let running: Vec<_> = sections(document).into_iter().map(run).collect();
        running.into_iter().flat_map(|run| run.join().expect("a section holds")).collect()
    });
    if updates() {
        for document in [document, &in_chinese(document)] {
            let mut text = read(document);
            for (place, block) in &printed {
                let mut pieces: Vec<&str> = text.split("```").collect();
                pieces[*place] = block;
                text = pieces.join("```");
            }
            fs::write(root().join(document), text).expect("a page can be written");
        }
    }
}

fn updates() -> bool {
    env::var_os("UPDATE").is_some_and(|update| !update.is_empty())
}

/// Does what a section shows, checks that it shows all that is printed, and returns its blocks, with
/// their places in the page, as they should be.
fn run(document: &str, section: &[ConsoleBlock]) -> Vec<(usize, String)> {
    let (Some(first), Some(network)) = (section.first(), FreeNetwork::new()) else {
        return Vec::new();
    };
    let mut terminals: BTreeMap<&str, Shell> = BTreeMap::new();
    for block in section {
        let terminal = terminals.entry(&block.terminal).or_default();
        terminal.blocks.push((block.place, vec![format!("# terminal {}", block.terminal)]));
        let mut lines = block.lines.iter();
        let shown = lines.try_for_each(|line| terminal.show(line, &network));
        shown
            .and_then(|()| terminal.compare())
            .and_then(|()| if block.is_open() { terminal.take_rest() } else { Ok(()) })
            .unwrap_or_else(|problem| panic!("{document}:{}: {problem}", block.line_number));
    }
    for (name, terminal) in &mut terminals {
        let rest = terminal.take_rest();
        assert!(rest.is_ok(), "{document}:{}: terminal {name} prints more", first.line_number);
    }
    let blocks: Vec<_> = terminals.into_values().flat_map(Shell::stop).collect();
    let console = |lines: Vec<String>| format!("console\n{}\n", lines.join("\n"));
    blocks.into_iter().map(|(place, lines)| (place, console(lines))).collect()
}

/// What one terminal shows next.
struct ConsoleBlock {
    /// Which of the pieces between fences it is.
    place: usize,
    line_number: usize,
    terminal: String,
    lines: Vec<String>,
}

impl ConsoleBlock {
    /// Returns whether it shows nothing of what its last command prints, as when it is new.
    fn is_open(&self) -> bool {
        self.lines.last().is_none_or(|line| line.starts_with("$ "))
    }
}

/// Returns the blocks under each heading.
fn sections(document: &str) -> Vec<Vec<ConsoleBlock>> {
    let mut sections = vec![Vec::new()];
    let text = read(document);
    let mut line_number = 1;
    let mut is_run = true;
    for (place, piece) in text.split("```").enumerate() {
        if place % 2 == 0 {
            is_run = !piece.contains("\n<!-- not run: ");
            if piece.lines().any(|line| line.starts_with('#')) {
                sections.push(Vec::new());
            }
        } else if let Some(block) = piece.strip_prefix("console\n").filter(|_| is_run) {
            let mut lines = block.lines().map(str::to_owned);
            let first = lines.next().unwrap_or_default();
            let terminal = first.strip_prefix("# terminal ");
            let terminal = terminal.unwrap_or_else(|| panic!("{document}: {first}")).to_owned();
            let block = ConsoleBlock { place, line_number, terminal, lines: lines.collect() };
            sections.last_mut().expect("there is one from the beginning").push(block);
        }
        line_number += piece.matches('\n').count();
    }
    sections
}

fn in_chinese(document: &str) -> String {
    document.replace(".md", ".zh-CN.md")
}

pub fn read(document: &str) -> String {
    let path = root().join(document);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A network in which the default address is free, for several processes.
struct FreeNetwork {
    holder: Process,
    /// What `nstat` has counted there; otherwise it is one file for all that a user runs.
    history: NamedTempFile,
}

impl FreeNetwork {
    fn new() -> Option<Self> {
        let mut command = own_network()?;
        command.args(["sh", "-c", "echo ready && exec sleep 1000"]);
        let holder = Program::of(command).start();
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
struct Shell {
    process: Option<Process>,
    /// Lines of the block that are still to be compared with what is printed.
    expected: Vec<String>,
    /// Its blocks up to there, as they should be, with their places in the page.
    blocks: Vec<(usize, Vec<String>)>,
    /// The prompt that waits for Enter, as the page shows it, and as it should be.
    prompt: Option<[String; 2]>,
    /// Whether any lines may come before the next expected one.
    skips: bool,
}

impl Shell {
    fn show(&mut self, line: &str, network: &FreeNetwork) -> Result<(), String> {
        if let Some(command) = line.strip_prefix("$ ") {
            self.compare()?;
            self.end_program()?;
            self.process = Some(network.run(command));
        } else if let Some(prompt) = line.strip_suffix("^C") {
            self.compare()?;
            self.process()?.interrupt();
            if !prompt.is_empty() {
                let waiting = self.prompt.take().filter(|[shown, _]| shown == prompt.trim_end());
                let [_, printed] =
                    waiting.ok_or_else(|| format!("{line} does not repeat the prompt"))?;
                self.block().push(format!("{printed} ^C"));
                return Ok(());
            }
        } else if line == "..." {
            self.compare()?;
            self.skips = true;
        } else if self.expected.is_empty() && self.prompt.as_ref().is_some_and(|p| p[0] == line) {
            // The block repeats the prompt that the terminal's last one ended with.
            let printed = self.prompt.clone().map(|[_, printed]| printed);
            self.block().extend(printed);
            return Ok(());
        } else {
            if self.prompt.take().is_some() {
                self.process()?.enter();
            }
            self.expected.push(line.to_owned());
            if line.starts_with("next: ") {
                self.compare()?;
                let printed = self.block().last().expect("it has just been printed").clone();
                self.prompt = Some([line.to_owned(), printed]);
            }
            return Ok(());
        }
        self.block().push(line.to_owned());
        Ok(())
    }

    /// Compares the lines that have gathered with as many that the program prints.
    fn compare(&mut self) -> Result<(), String> {
        if self.expected.is_empty() {
            return Ok(());
        }
        let expected = mem::take(&mut self.expected);
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
            self.block().extend(expected);
        } else if updates() {
            while prints_more(self.process()?) {
                printed.extend(self.process()?.shown());
            }
            // A line that is right keeps its port, which varies.
            self.block().extend(printed.into_iter().map(|line| {
                let shown = |old: &&String| without_ports(old) == without_ports(&line);
                expected.iter().find(shown).unwrap_or(&line).clone()
            }));
        } else {
            let [expected, printed] = [&expected, &printed].map(|it| without_ports(&it.join("\n")));
            let differences = StrComparison::new(&expected, &printed);
            return Err(format!("it shows, and prints:\n{differences}UPDATE=1 changes the page"));
        }
        Ok(())
    }

    /// Waits for the program's end, by which it has to have shown everything.
    fn end_program(&mut self) -> Result<(), String> {
        if let Some(process) = self.process.take() {
            let rest = process.finish().stdout;
            // The block that this command begins has shown nothing yet.
            let block = self.blocks.iter().rposition(|(_, block)| block.len() > 1);
            self.show_also(rest.trim_end().lines(), block.expect("it shows the program's start"))?;
        }
        self.skips = false;
        Ok(())
    }

    /// Takes what has been printed and was not shown.
    fn take_rest(&mut self) -> Result<(), String> {
        let Some(process) = self.process.take() else {
            return Ok(());
        };
        let mut rest = Vec::new();
        while !self.skips && prints_more(&process) {
            rest.extend(process.shown());
        }
        self.process = Some(process);
        self.show_also(rest.iter().map(String::as_str), self.blocks.len() - 1)
    }

    /// Adds lines to a block, where that is allowed.
    fn show_also<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a str>,
        block: usize,
    ) -> Result<(), String> {
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        if lines.is_empty() || self.skips {
            return Ok(());
        }
        if !updates() {
            return Err(format!("more is printed than is shown:\n{}", lines.join("\n")));
        }
        self.blocks[block].1.extend(lines);
        Ok(())
    }

    /// Ends what still runs as its reader does, with Ctrl-C: the demo stops its two programs then.
    /// Returns the blocks.
    fn stop(self) -> Vec<(usize, Vec<String>)> {
        if let Some(process) = self.process {
            process.interrupt();
            process.finish();
        }
        self.blocks
    }

    fn block(&mut self) -> &mut Vec<String> {
        &mut self.blocks.last_mut().expect("a terminal has a block").1
    }

    fn process(&self) -> Result<&Process, String> {
        self.process.as_ref().ok_or_else(|| "nothing runs in this terminal".to_owned())
    }
}

fn prints_more(process: &Process) -> bool {
    // It may just have been started.
    poll(A_WHILE, || process.sleeps().then_some(()));
    !process.stdout.is_silent_for(Duration::from_millis(20))
}

/// Separates what happens at the same time, and so in any order: the next `accept` of a server whose client has a
/// thread.
fn in_columns(lines: &[String]) -> [Vec<String>; 2] {
    let lines = lines.iter().map(|line| without_ports(line).trim().to_owned());
    let (accepts, others) = lines.partition(|line| line == "[.] accept(3) ...");
    [accepts, others]
}

#[test]
fn links_lead_to_the_file_and_the_line_they_name() {
    for english in &pages() {
        for document in [english, &in_chinese(english)] {
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
                    None if file.ends_with("lesson.html") => is_step(&LESSON, place),
                    None => place.is_empty() || has_heading(&text, place),
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

/// Returns whether a page has the heading that this anchor names.
fn has_heading(page: &str, anchor: &str) -> bool {
    let mut headings = page.lines().filter(|line| line.starts_with("##"));
    headings.any(|heading| anchor_of(heading.trim_start_matches('#').trim()) == anchor)
}

/// Returns the pages in English; each has a Chinese one beside it.
fn pages() -> Vec<String> {
    let files = fs::read_dir(root().join("docs")).expect("it is a folder");
    let names = files.map(|file| file.expect("it is listed").file_name().into_string());
    let pages = names.filter_map(|name| {
        let name = name.expect("a page's name is UTF-8");
        let page = name.strip_suffix(".md").filter(|page| !page.ends_with(".zh-CN"));
        page.map(|page| format!("docs/{page}.md"))
    });
    pages.chain(["README.md".to_owned()]).collect()
}

#[test]
fn both_languages_show_the_same_blocks_and_lead_to_each_other() {
    for english in &pages() {
        let chinese = &in_chinese(english);
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

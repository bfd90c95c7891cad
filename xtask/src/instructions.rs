//! Counts the instructions of each part of a scan with callgrind and compares them with `benches/instructions.txt`.
//!
//! Time on shared machines is no gate; the number of instructions is the same in every run, to a fraction of a per cent.
//! It is comparable only for one compiler, one C library, one callgrind and one set of processor features, which the
//! baseline therefore names: with others nothing is compared, and that is said.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
};

/// Where the counts are kept.
const BASELINE: &str = "benches/instructions.txt";
/// From how many per cent more than in the baseline a part fails; so many less are to be kept.
const TOLERANCE: i64 = 5;
/// The function within which callgrind counts, see `benches/instructions/main.rs`.
const COUNTED: &str = "*counted_section*";

/// Instructions by part.
type Counts = BTreeMap<String, u64>;

/// Measures the parts whose names are in `arguments`, all if there are none, and compares them. With `--bless` the
/// counts become the baseline.
pub(crate) fn check(root: &Path, arguments: &[String], say: &dyn Fn(&str)) -> Result<(), String> {
    let Some(valgrind) = first_line("valgrind", &["--version"]) else {
        say("skipped: instructions: valgrind is not installed");
        return Ok(());
    };
    let (options, wanted): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    let must_bless = options.iter().any(|option| *option == "--bless");
    let file = root.join(BASELINE);
    let program = build(root)?;
    let conditions = conditions(&program, &valgrind)?;
    let kept = match read(&file) {
        Ok(text) => Baseline::parse(&text),
        Err(_) if must_bless => Baseline::default(),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    if !must_bless && kept.conditions != conditions {
        let (kept, now) = (described(&kept.conditions), described(&conditions));
        say(&format!(
            "not compared: instructions: the baseline was made with {kept}, this is {now}; nothing was checked"
        ));
        return Ok(());
    }
    let listed = output(Command::new(&program).arg("list"))?;
    let is_wanted = |part: &&str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    let parts: Vec<&str> = listed.lines().filter(is_wanted).collect();
    let all = parts.len() == listed.lines().count();
    let now = Baseline { counts: count_all(root, &program, &parts)?, conditions };
    if must_bless {
        return bless(&file, kept, now, all);
    }
    compare_all(&kept, &now, all, say)
}

/// Says how each part stands; the parts that are above the baseline or not in it, or of `all` gone from it, are faults.
fn compare_all(kept: &Baseline, now: &Baseline, all: bool, say: &dyn Fn(&str)) -> Result<(), String> {
    let gone = kept.counts.keys().filter(|part| all && !now.counts.contains_key(*part));
    let mut faults: Vec<String> =
        gone.map(|part| format!("{part}: is in the baseline, and no longer a part")).collect();
    for (part, &count) in &now.counts {
        match compare(kept.counts.get(part).copied(), count) {
            Verdict::Same(change) => say(&format!("{part:32} {count:>12} {change:>8}")),
            Verdict::Fewer(change) => {
                say(&format!("{part:32} {count:>12} {change:>8}  keep it: cargo xtask instructions --bless"));
            }
            Verdict::More(change) => faults.push(format!("{part}: {count} instructions, {change}")),
            Verdict::Unknown => {
                faults.push(format!("{part}: {count} instructions, and none in the baseline"));
            }
        }
    }
    if faults.is_empty() {
        say(&format!(
            "instructions: {} parts within {TOLERANCE} % of the baseline or below",
            now.counts.len()
        ));
        return Ok(());
    }
    faults.push(format!(
        "more than {TOLERANCE} % above {BASELINE}, or not in it: where they go says callgrind_annotate target/callgrind/PART; \
         `cargo xtask instructions --bless` takes them as they are"
    ));
    Err(faults.join("\n"))
}

/// What makes counts comparable, and the counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Baseline {
    conditions: BTreeMap<String, String>,
    counts: Counts,
}

impl Baseline {
    /// Lines `condition KEY VALUE` and `PART COUNT`; `#` begins a comment.
    fn parse(text: &str) -> Self {
        let mut baseline = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((first, rest)) = line.split_once(' ') else { continue };
            if let Some((key, value)) = rest.trim().split_once(' ').filter(|_| first == "condition") {
                baseline.conditions.insert(key.to_owned(), value.trim().to_owned());
            } else if let Ok(count) = rest.trim().parse() {
                baseline.counts.insert(first.to_owned(), count);
            }
        }
        baseline
    }

    fn text(&self) -> String {
        let comment = "# Instructions of each part, and what they were counted with. Written by `cargo xtask instructions --bless`.\n";
        let conditions = self.conditions.iter().map(|(key, value)| format!("condition {key} {value}\n"));
        let counts = self.counts.iter().map(|(part, count)| format!("{part:32} {count:>12}\n"));
        std::iter::once(comment.to_owned()).chain(conditions).chain(counts).collect()
    }
}

/// How a count stands to the baseline, with the change in per cent.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same(String),
    Fewer(String),
    More(String),
    Unknown,
}

fn compare(kept: Option<u64>, count: u64) -> Verdict {
    let Some(kept) = kept.filter(|kept| *kept > 0) else { return Verdict::Unknown };
    // In hundredths of a per cent, exact.
    let change = (i128::from(count) - i128::from(kept)) * 10_000 / i128::from(kept);
    let shown =
        format!("{}{}.{:02} %", if change < 0 { '-' } else { '+' }, change.abs() / 100, change.abs() % 100);
    let most = i128::from(TOLERANCE) * 100;
    if change > most {
        Verdict::More(shown)
    } else if change < -most {
        Verdict::Fewer(shown)
    } else {
        Verdict::Same(shown)
    }
}

/// Writes what was counted. Parts that were not counted stay, if they were counted under the same conditions.
fn bless(file: &Path, kept: Baseline, now: Baseline, all: bool) -> Result<(), String> {
    if !all && kept.conditions != now.conditions {
        return Err(
            "the baseline was made under other conditions: all parts have to be counted anew".to_owned()
        );
    }
    let before = if all { Counts::new() } else { kept.counts };
    let blessed = Baseline { counts: before.into_iter().chain(now.counts).collect(), ..now };
    fs::write(file, blessed.text()).map_err(|error| format!("{}: {error}", file.display()))
}

/// Builds the program that runs a part; gives its path.
fn build(root: &Path) -> Result<PathBuf, String> {
    let package =
        ["--package", "sbomctl-instructions", "--profile", "instructions", "--target-dir", "target"];
    super::run("cargo", &[&["build", "--quiet"][..], &package].concat(), &[])?;
    Ok(root.join("target/instructions/sbomctl-instructions"))
}

fn conditions(program: &Path, valgrind: &str) -> Result<BTreeMap<String, String>, String> {
    // Callgrind hides features of the processor that it does not know, so the program is asked within it.
    let cpu = output(Command::new("valgrind").args(["--tool=none", "--quiet"]).arg(program).arg("cpu"))?;
    let known =
        |program, arguments: &[&str]| first_line(program, arguments).unwrap_or_else(|| "unknown".to_owned());
    Ok([
        ("compiler", known("rustc", &["--version"])),
        ("machine", known("uname", &["-sm"])),
        ("libc", known("getconf", &["GNU_LIBC_VERSION"])),
        ("callgrind", valgrind.to_owned()),
        ("processor", cpu.trim().to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into())
}

fn described(conditions: &BTreeMap<String, String>) -> String {
    let values: Vec<&str> = conditions.values().map(String::as_str).collect();
    if values.is_empty() { "nothing that it names".to_owned() } else { values.join(", ") }
}

/// Counts `parts`, as many at a time as there are cores.
fn count_all(root: &Path, program: &Path, parts: &[&str]) -> Result<Counts, String> {
    let folder = root.join("target/callgrind");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let waiting = Mutex::new(parts.iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let count_some = || -> Result<Counts, String> {
        let mut counts = Counts::new();
        while let Some(part) = next() {
            counts.insert((*part).to_owned(), count(program, part, &folder.join(part))?);
        }
        Ok(counts)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let counted: Result<Vec<Counts>, String> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(count_some)).collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|counts| counts.unwrap_or_else(|_| Err("counting ended with a panic".to_owned()))).collect()
    });
    Ok(counted?.into_iter().flatten().collect())
}

/// Counts one part; what callgrind knows of it goes to `out`.
fn count(program: &Path, part: &str, out: &Path) -> Result<u64, String> {
    let mut valgrind = Command::new("valgrind");
    // What is in the environment lies on the stack, and moves what comes after it.
    valgrind.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").args([
        "--tool=callgrind",
        "--quiet",
        "--collect-atstart=no",
    ]);
    valgrind.arg(format!("--toggle-collect={COUNTED}"));
    valgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(program).arg(part);
    output(&mut valgrind)?;
    let text = read(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")));
    let total = total.and_then(|number| number.trim().parse().ok()).filter(|number| *number > 0);
    total.ok_or_else(|| {
        format!("{part}: callgrind counted nothing; is {COUNTED} still a function of its own?")
    })
}

fn read(file: &Path) -> io::Result<String> {
    io::read_to_string(fs::File::open(file)?)
}

fn output(command: &mut Command) -> Result<String, String> {
    let ended = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&ended.stderr).trim()))
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    output(Command::new(program).args(arguments)).ok()?.lines().next().map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_fails_above_the_tolerance_and_is_to_be_kept_below_it() {
        assert_eq!(compare(Some(1000), 1050), Verdict::Same("+5.00 %".to_owned()));
        assert_eq!(compare(Some(1000), 1051), Verdict::More("+5.10 %".to_owned()));
        assert_eq!(compare(Some(1000), 950), Verdict::Same("-5.00 %".to_owned()));
        assert_eq!(compare(Some(1000), 949), Verdict::Fewer("-5.10 %".to_owned()));
    }

    #[test]
    fn a_part_without_a_baseline_is_not_taken_as_passed() {
        assert_eq!(compare(None, 1), Verdict::Unknown);
        assert_eq!(compare(Some(0), 1), Verdict::Unknown);
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let baseline = Baseline {
            conditions: [("compiler".to_owned(), "rustc 1.95.0 (59807616e 2026-04-14)".to_owned())].into(),
            counts: [("walk".to_owned(), 7), ("a-part-whose-name-is-longer-than-the-column".to_owned(), 8)]
                .into(),
        };
        assert_eq!(Baseline::parse(&baseline.text()), baseline);
    }
}

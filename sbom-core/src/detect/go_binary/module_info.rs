//! The module information of a Go program: lines of fields with tabs between them.
//!
//! `path PATH`, `mod PATH VERSION [SUM]`, `dep PATH VERSION [SUM]`, `=> PATH VERSION [SUM]` for what replaces the
//! module of the line before, `build KEY=VALUE`, where key and value may be quoted as in Go. Source: Go
//! `runtime/debug/mod.go`.

use super::{GoProgram, Module};
use crate::{
    detect::{Gap, GapKind},
    limits::Limits,
};

/// Path of a main package that was named by its files alone.
pub(super) const BY_FILES: &str = "command-line-arguments";
/// Version of a module that was built from a folder.
pub(super) const DEVEL: &str = "(devel)";

/// Reads `text`, which begins at `offset` of the file.
pub(super) fn parse(text: &str, offset: u64, limits: &Limits, gaps: &mut Vec<Gap>) -> GoProgram {
    let mut program = GoProgram::default();
    let mut last = Last::None;
    let mut bad = 0_u64;
    for line in text.lines() {
        let (key, rest) = line.split_once('\t').unwrap_or((line, ""));
        match key {
            "path" => rest.clone_into(&mut program.path),
            "mod" | "dep" => match module(rest) {
                Some(module) if key == "mod" => {
                    program.main = Some(module);
                    last = Last::Main;
                }
                Some(module) => {
                    if limits.packages.check(program.modules.len() as u64 + 1).is_err() {
                        gaps.push(Gap::new(GapKind::Limit, "further modules of a Go program are not listed"));
                        break;
                    }
                    program.modules.push(module);
                    last = Last::Dependency;
                }
                None => {
                    bad += 1;
                    last = Last::None;
                }
            },
            "=>" => {
                let of = match last {
                    Last::Main => program.main.as_mut(),
                    Last::Dependency => program.modules.last_mut(),
                    Last::None => None,
                };
                match (of, module(rest)) {
                    (Some(of), Some(replacement)) => of.replacement = Some(Box::new(replacement)),
                    _ => bad += 1,
                }
                last = Last::None;
            }
            "build" => match setting(rest) {
                Some(setting) => program.settings.push(setting),
                None => bad += 1,
            },
            // Later toolchains may say more.
            _ => {}
        }
    }
    if bad > 0 {
        let message = format!("{bad} lines of a Go program's module information do not follow their format");
        gaps.push(Gap::new(GapKind::Malformed, message).at(usize::try_from(offset).unwrap_or(usize::MAX)));
    }
    name_main(&mut program);
    program
}

/// What a `=>` line speaks of.
enum Last {
    None,
    Main,
    Dependency,
}

/// `PATH VERSION [SUM]`; the version may be missing.
fn module(fields: &str) -> Option<Module> {
    let mut fields = fields.split('\t');
    let path = fields.next().filter(|path| !path.is_empty())?;
    let version = fields.next().unwrap_or_default().to_owned();
    let sum = fields.next().filter(|sum| !sum.is_empty()).map(str::to_owned);
    Some(Module { path: path.to_owned(), version, sum, replacement: None })
}

/// A program built from files, not from a package, names its module among its dependencies, if at all: it is the
/// one without a version. A main module may also be listed as a dependency of itself.
fn name_main(program: &mut GoProgram) {
    if program.main.is_none() && program.path == BY_FILES {
        let mut unversioned = program.modules.iter().filter(|module| module.version == DEVEL);
        if let (Some(only), None) = (unversioned.next(), unversioned.next()) {
            program.main = Some(only.clone());
        }
    }
    if let Some(main) = &program.main {
        program.modules.retain(|module| module.path != main.path);
    }
}

fn setting(text: &str) -> Option<(String, String)> {
    let (key, rest) = if text.starts_with(['"', '`']) {
        let (key, rest) = unquote(text)?;
        (key, rest.strip_prefix('=')?)
    } else {
        let (key, rest) = text.split_once('=')?;
        (key.to_owned(), rest)
    };
    let value = if rest.starts_with(['"', '`']) { unquote(rest)?.0 } else { rest.to_owned() };
    (!key.is_empty()).then_some((key, value))
}

/// The Go string literal that `text` begins with, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.split_once('`').map(|(value, rest)| (value.to_owned(), rest));
    }
    let body = text.strip_prefix('"')?;
    let mut bytes: Vec<u8> = Vec::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((String::from_utf8_lossy(&bytes).into_owned(), body.get(at + 1..)?)),
            '\\' => escape(&mut chars, &mut bytes)?,
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    None
}

/// What follows a backslash. Source: Go `strconv.Quote`.
fn escape(chars: &mut std::str::CharIndices<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let c = match chars.next()?.1 {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        c @ ('\\' | '"' | '\'') => c,
        'x' => {
            bytes.push(u8::try_from(hex(chars, 2)?).ok()?);
            return Some(());
        }
        'u' => char::from_u32(hex(chars, 4)?)?,
        'U' => char::from_u32(hex(chars, 8)?)?,
        _ => return None,
    };
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

fn hex(chars: &mut std::str::CharIndices<'_>, digits: usize) -> Option<u32> {
    let text: String = chars.take(digits).map(|(_, c)| c).collect();
    u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> (GoProgram, Vec<Gap>) {
        let mut gaps = Vec::new();
        let program = parse(text, 0, &Limits::default(), &mut gaps);
        (program, gaps)
    }

    fn paths(program: &GoProgram) -> Vec<(&str, &str)> {
        program.modules.iter().map(|m| (m.path.as_str(), m.version.as_str())).collect()
    }

    #[test]
    fn modules_settings_and_replacements_are_read() {
        let (program, gaps) = check(
            "path\texample.org/app/cmd/tool\nmod\texample.org/app\tv1.2.3\th1:main=\n\
             dep\tgithub.com/A/b\tv1.0.0\th1:b=\n=>\tgithub.com/fork/b\tv1.0.1\th1:fork=\n\
             dep\tgolang.org/x/sys\tv0.1.0\t\nbuild\tCGO_ENABLED=0\nbuild\t-tags=\"a,\\\"b\\\"\\n\\u00e9\"\n",
        );
        assert_eq!(gaps, []);
        assert_eq!(program.path, "example.org/app/cmd/tool");
        assert_eq!(program.main.as_ref().map(|m| m.version.as_str()), Some("v1.2.3"));
        assert_eq!(paths(&program), [("github.com/A/b", "v1.0.0"), ("golang.org/x/sys", "v0.1.0")]);
        let replacement = program.modules[0].replacement.as_ref().unwrap();
        assert_eq!(
            (replacement.path.as_str(), replacement.sum.as_deref()),
            ("github.com/fork/b", Some("h1:fork="))
        );
        assert_eq!(program.modules[1].sum, None);
        assert_eq!(program.setting("-tags"), Some("a,\"b\"\n\u{e9}"));
    }

    #[test]
    fn a_bad_line_loses_no_other() {
        let (program, gaps) =
            check("path\tm\n=>\tx\tv1\ndep\t\tv1\ndep\ta\tv1\nbuild\tnothing\nnews\tof later\n");
        assert_eq!(paths(&program), [("a", "v1")]);
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].message.starts_with("3 lines"), "{}", gaps[0].message);
    }

    #[test]
    fn the_main_module_is_no_dependency_of_itself() {
        let (program, _) = check("path\tm\nmod\tm\tv1.0.0\t\ndep\tm\tv1.0.0\t\ndep\tn\tv1.0.0\t\n");
        assert_eq!(paths(&program), [("n", "v1.0.0")]);
    }

    #[test]
    fn a_program_built_from_files_is_the_one_module_without_version() {
        let (program, _) = check("path\tcommand-line-arguments\ndep\tm\t(devel)\t\ndep\tn\tv1.0.0\t\n");
        assert_eq!(program.main.as_ref().map(|m| m.path.as_str()), Some("m"));
        assert_eq!(paths(&program), [("n", "v1.0.0")]);
        let (program, _) = check("path\tcommand-line-arguments\ndep\tm\t(devel)\ndep\tn\t(devel)\n");
        assert_eq!(program.main, None);
    }

    #[test]
    fn more_modules_than_allowed_are_a_gap() {
        let mut limits = Limits::default();
        limits.set("packages", 1000);
        let text = "dep\tm\tv1.0.0\t\n".repeat(100_000);
        let mut gaps = Vec::new();
        let program = parse(&text, 0, &limits, &mut gaps);
        assert_eq!((program.modules.len(), gaps.len()), (1000, 1));
        assert_eq!(gaps[0].kind, GapKind::Limit);
    }
}

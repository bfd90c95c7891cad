//! Relations between packages: `Depends` and its kin. Source: Debian policy 7.1, deb-src-control(5).

use std::cmp::Ordering;

use super::version;

/// One relation: any of the alternatives will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// `a | b`, in their order; at least one.
    pub alternatives: Vec<Target>,
}

/// A package that a relation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name, or that of something packages provide.
    pub name: String,
    /// What follows a colon: `any`, `native` or an architecture.
    pub qualifier: Option<String>,
    /// Which versions will do; none means all.
    pub constraint: Option<Constraint>,
    /// What stands in `[ ]`: the architectures on which, or with `!` not on which, the relation holds.
    pub architectures: Vec<String>,
}

/// A bound on versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// How a version must compare.
    pub operator: Operator,
    /// To what.
    pub version: String,
}

/// The operator of a [`Constraint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`, and `<` of old
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`, and `>` of old
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Constraint {
    /// Whether `version` lies within the bound.
    pub fn accepts(&self, version: &str) -> bool {
        let order = version::compare(version, &self.version);
        match self.operator {
            Operator::Earlier => order == Ordering::Less,
            Operator::EarlierOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::LaterOrEqual => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }
}

impl Target {
    /// Whether the target is meant on `architecture`; an unknown one is taken to be meant.
    pub fn applies_to(&self, architecture: Option<&str>) -> bool {
        let (Some(architecture), false) = (architecture, self.architectures.is_empty()) else { return true };
        let negative = self.architectures.iter().any(|pattern| pattern.starts_with('!'));
        let named = self
            .architectures
            .iter()
            .any(|pattern| matches_architecture(pattern.trim_start_matches('!'), architecture));
        named != negative
    }
}

fn matches_architecture(pattern: &str, architecture: &str) -> bool {
    // An architecture without a system is one of Linux.
    let (system, cpu) = architecture.split_once('-').unwrap_or(("linux", architecture));
    match pattern.split_once('-') {
        Some((wanted_system, wanted_cpu)) => {
            (wanted_system == "any" || wanted_system == system) && (wanted_cpu == "any" || wanted_cpu == cpu)
        }
        None => pattern == "any" || pattern == architecture,
    }
}

/// Reads the value of a relation field. What cannot be read is handed back beside what can.
pub fn parse(text: &str) -> (Vec<Relation>, Option<String>) {
    let mut unread = None;
    // A list that grows makes room for four items at least, and most relations have one target.
    let mut relations = Vec::with_capacity(parts(text, b','));
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut alternatives = Vec::with_capacity(parts(part, b'|'));
        for target in part.split('|') {
            match parse_target(target.trim()) {
                Some(target) => alternatives.push(target),
                None => unread = unread.or_else(|| Some(target.trim().to_owned())),
            }
        }
        if !alternatives.is_empty() {
            alternatives.shrink_to_fit();
            relations.push(Relation { alternatives });
        }
    }
    relations.shrink_to_fit();
    (relations, unread)
}

/// How many parts `text` has at most.
fn parts(text: &str, separator: u8) -> usize {
    memchr::memchr_iter(separator, text.as_bytes()).count() + 1
}

fn parse_target(text: &str) -> Option<Target> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | '[' | '<' | ':');
    let (name, mut rest) = text.split_at_checked(text.find(ends).unwrap_or(text.len()))?;
    if name.is_empty() || name.contains([')', ']', '>']) {
        return None;
    }
    let mut target =
        Target { name: name.to_owned(), qualifier: None, constraint: None, architectures: Vec::new() };
    if let Some(after) = rest.strip_prefix(':') {
        let (qualifier, after) = after.split_at_checked(after.find(ends).unwrap_or(after.len()))?;
        target.qualifier = Some(qualifier.to_owned()).filter(|qualifier| !qualifier.is_empty());
        rest = after;
    }
    loop {
        rest = rest.trim_start();
        let Some(opening) = rest.chars().next() else { return Some(target) };
        let closing = match opening {
            '(' => ')',
            '[' => ']',
            '<' => '>',
            _ => return None,
        };
        let (inside, after) = rest.get(1..)?.split_once(closing)?;
        match opening {
            '(' => target.constraint = Some(parse_constraint(inside.trim())?),
            '[' => target.architectures = inside.split_whitespace().map(str::to_owned).collect(),
            // Build profiles say when something was built, which it was.
            _ => {}
        }
        rest = after;
    }
}

fn parse_constraint(text: &str) -> Option<Constraint> {
    let (operator, version) = text.split_at_checked(text.find(|c| !matches!(c, '<' | '>' | '='))?)?;
    let operator = match operator {
        "<<" => Operator::Earlier,
        "<=" | "<" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" | ">" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        _ => return None,
    };
    let version = version.trim();
    (!version.is_empty()).then(|| Constraint { operator, version: version.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&[&str]]) {
        let (relations, unread) = parse(text);
        let found: Vec<Vec<String>> = relations
            .iter()
            .map(|relation| {
                let show = |target: &Target| {
                    let qualifier = target.qualifier.as_ref().map(|q| format!(":{q}")).unwrap_or_default();
                    let constraint = target
                        .constraint
                        .as_ref()
                        .map(|c| format!(" {:?} {}", c.operator, c.version))
                        .unwrap_or_default();
                    format!("{}{qualifier}{constraint}", target.name)
                };
                relation.alternatives.iter().map(show).collect()
            })
            .collect();
        assert_eq!(found, expected, "{text}");
        assert_eq!(unread, None, "{text}");
    }

    #[test]
    fn every_part_of_a_relation_is_read() {
        check("libc6 (>= 2.34), python3:any", &[&["libc6 LaterOrEqual 2.34"], &["python3:any"]]);
        check("a|b (<<1:2~) | c:amd64(= 3)", &[&["a", "b Earlier 1:2~", "c:amd64 Equal 3"]]);
        check("x [i386 amd64] <!nocheck> <stage1>,\n y (> 1),", &[&["x"], &["y LaterOrEqual 1"]]);
        check("v (=1.0)", &[&["v Equal 1.0"]]);
        check("", &[]);
    }

    #[test]
    fn what_cannot_be_read_costs_nothing_else() {
        for text in ["a (1.0)", "a (>= )", "a (>= 1", "a b", "(x)", "a)"] {
            let (relations, unread) = parse(&format!("first, {text}, last"));
            assert_eq!(relations.len(), 2, "{text}");
            assert_eq!(unread.as_deref(), Some(text));
        }
    }

    #[test]
    fn architectures_restrict_a_relation() {
        let applies = |text: &str, on: &str| parse(text).0[0].alternatives[0].applies_to(Some(on));
        assert!(applies("a [i386 amd64]", "amd64"));
        assert!(!applies("a [i386 armhf]", "amd64"));
        assert!(applies("a [!hurd-i386]", "amd64"));
        assert!(!applies("a [!amd64]", "amd64"));
        assert!(applies("a [linux-any]", "amd64"));
        assert!(applies("a [any-amd64]", "amd64"));
        assert!(!applies("a [hurd-any]", "amd64"));
        assert!(parse("a [i386]").0[0].alternatives[0].applies_to(None));
    }
}

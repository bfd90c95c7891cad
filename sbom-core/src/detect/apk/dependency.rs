//! A dependency, or something provided, as apk writes it: `!name@tag>=1.2`.

/// A name with conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dependency {
    /// What is named: a package, or `so:libc.musl-x86_64.so.1`, `cmd:sh`, `pc:zlib`, `/bin/sh`.
    pub name: Box<str>,
    /// Whether it must not be there.
    pub conflict: bool,
    /// The version, with the operator before it.
    pub version: Option<(Box<str>, Box<str>)>,
    /// The tag of the repository it must come from.
    pub tag: Option<Box<str>>,
}

/// What kind of thing a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A package, or a name that packages provide.
    Name,
    /// A file by its path.
    Path,
}

impl Dependency {
    /// Reads one word; none if it names nothing.
    pub fn parse(word: &str) -> Option<Self> {
        const OPERATORS: [char; 4] = ['<', '>', '=', '~'];
        let (conflict, word) = match word.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let (before_tag, mut tag) = match word.split_once('@') {
            Some((before, tag)) => (before, Some(tag)),
            None => (word, None),
        };
        let mut constraint = before_tag;
        let name_end = before_tag.find(OPERATORS).unwrap_or(before_tag.len());
        let (name, mut conditions) = constraint.split_at_checked(name_end)?;
        // `name@tag=1.2` is written as often as `name=1.2@tag`.
        if let (Some(text), true) = (tag, conditions.is_empty()) {
            constraint = text;
            let (only_tag, rest) = constraint.split_at_checked(text.find(OPERATORS).unwrap_or(text.len()))?;
            tag = Some(only_tag);
            conditions = rest;
        }
        let start = conditions.find(|c| !OPERATORS.contains(&c)).unwrap_or(conditions.len());
        let (operator, version) = conditions.split_at_checked(start)?;
        (!name.is_empty()).then(|| Self {
            name: name.into(),
            conflict,
            version: (!version.is_empty()).then(|| (operator.into(), version.into())),
            tag: tag.filter(|tag| !tag.is_empty()).map(Into::into),
        })
    }

    /// What kind of thing is named.
    pub fn kind(&self) -> Kind {
        if self.name.starts_with('/') { Kind::Path } else { Kind::Name }
    }

    /// The dependency as apk writes it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if self.conflict {
            text.push('!');
        }
        text.push_str(&self.name);
        if let Some(tag) = &self.tag {
            text.push('@');
            text.push_str(tag);
        }
        if let Some((operator, version)) = &self.version {
            text.push_str(operator);
            text.push_str(version);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, expected: (&str, bool, &str, &str)) {
        let found = Dependency::parse(word).unwrap();
        let version =
            found.version.map(|(operator, version)| format!("{operator}{version}")).unwrap_or_default();
        let tag = found.tag.unwrap_or_default();
        assert_eq!((&*found.name, found.conflict, version.as_str(), &*tag), expected, "{word}");
    }

    #[test]
    fn names_conditions_and_tags_are_told_apart() {
        check("busybox", ("busybox", false, "", ""));
        check("!uclibc-utils", ("uclibc-utils", true, "", ""));
        check("so:libc.musl-x86_64.so.1", ("so:libc.musl-x86_64.so.1", false, "", ""));
        check("so:openjdk8:libjvm.so=0", ("so:openjdk8:libjvm.so", false, "=0", ""));
        check("python3~3.12", ("python3", false, "~3.12", ""));
        check("py3.12:foo>=1.2_rc1-r0", ("py3.12:foo", false, ">=1.2_rc1-r0", ""));
        check("nginx@edge", ("nginx", false, "", "edge"));
        check("nginx@edge=1.2-r0", ("nginx", false, "=1.2-r0", "edge"));
        check("nginx>1.2@edge", ("nginx", false, ">1.2", "edge"));
        check(".deps><Q1abc=", (".deps", false, "><Q1abc=", ""));
        check("/bin/sh", ("/bin/sh", false, "", ""));
        check("name=", ("name", false, "", ""));
        check("c++", ("c++", false, "", ""));
        assert_eq!(Dependency::parse("nginx@edge=1.2-r0").unwrap().to_text(), "nginx@edge=1.2-r0");
    }

    #[test]
    fn what_names_nothing_is_none() {
        for word in ["", "!", "=1", "@tag", "~"] {
            assert_eq!(Dependency::parse(word), None, "{word}");
        }
    }
}

//! What a format cannot take of a document: it is written, read back, and compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    document::{
        self, Document, Format, Inputs,
        model::{Component, Gap, Header, Relationship},
        read::{self, Losses, ReadError},
    },
    limits::Limits,
};

/// What of `document` is not there, or is not the same, once it was written as `format` and read back: how often, by
/// kind of fact. None if the format is a list, which nobody reads back.
///
/// What is there beyond `document` does not count. An error means that what was written cannot be read, which limits
/// may cause.
pub fn left_out(
    document: &Document,
    format: Format,
    inputs: &Inputs,
    limits: &Limits,
) -> Result<Option<Losses>, ReadError> {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let written = document::write(document, format, inputs, &mut bytes).is_ok();
    match read::read(&bytes, limits) {
        Ok(read) if written => Ok(Some(compare(document, &read.document))),
        Ok(_) | Err(ReadError::Unrecognised { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn compare(before: &Document, after: &Document) -> Losses {
    let mut losses = BTreeMap::new();
    let mut lose = |what: &str, count: usize| {
        if count > 0 {
            *losses.entry(what.to_owned()).or_default() += count as u64;
        }
    };
    let counterparts = counterparts(before, after);
    for (component, found) in before.components.iter().zip(&counterparts) {
        match found.and_then(|found| after.components.get(found)) {
            Some(found) => fields(component, found, &mut |what| lose(what, 1)),
            None => lose("components", 1),
        }
    }
    let counterpart = |index: usize| counterparts.get(index).copied().flatten();
    lose("subject", usize::from(before.root.is_some() && before.root.and_then(counterpart) != after.root));
    let kept: BTreeSet<&Relationship> = after.relationships.iter().collect();
    let is_kept = |relationship: &&Relationship| {
        let ends = counterpart(relationship.from).zip(counterpart(relationship.to));
        ends.is_some_and(|(from, to)| kept.contains(&Relationship { from, to, ..**relationship }))
    };
    lose("relationships", before.relationships.len() - before.relationships.iter().filter(is_kept).count());
    lose("layers", usize::from(!before.layers.is_empty() && before.layers != after.layers));
    let kept: BTreeSet<&Gap> = after.gaps.iter().collect();
    lose("gaps", before.gaps.iter().filter(|gap| !kept.contains(gap)).count());
    let system = |document: &Document| {
        document
            .distribution
            .clone()
            .map(|distribution| document::model::Distribution { component: 0, ..distribution })
    };
    lose("distribution", usize::from(before.distribution.is_some() && system(before) != system(after)));
    header(&before.header, &after.header, &mut lose);
    Losses(losses)
}

/// For each component of `before` the one of `after` that it became: by the identifier, else, as formats may have
/// identifiers of their own form, by package URL, name and version.
fn counterparts(before: &Document, after: &Document) -> Vec<Option<usize>> {
    let by_id: HashMap<&str, usize> = after
        .components
        .iter()
        .enumerate()
        .map(|(index, component)| (component.id.as_str(), index))
        .collect();
    let mut found: Vec<Option<usize>> =
        before.components.iter().map(|component| by_id.get(component.id.as_str()).copied()).collect();
    let taken: BTreeSet<usize> = found.iter().flatten().copied().collect();
    let key =
        |component: &Component| (component.purl.clone(), component.name.clone(), component.version.clone());
    let mut left: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, component) in after.components.iter().enumerate().rev() {
        if !taken.contains(&index) {
            left.entry(key(component)).or_default().push(index);
        }
    }
    for (component, slot) in before.components.iter().zip(&mut found).filter(|(_, slot)| slot.is_none()) {
        *slot = left.get_mut(&key(component)).and_then(Vec::pop);
    }
    found
}

/// Names the fields of a component that say something and are not the same.
fn fields(before: &Component, after: &Component, lose: &mut impl FnMut(&str)) {
    let nothing = Component::default();
    macro_rules! check {
        ($($field:ident: $name:literal,)+) => {
            $(if before.$field != nothing.$field && before.$field != after.$field {
                lose($name);
            })+
        };
    }
    check! {
        kind: "kinds of components",
        name: "names",
        group: "groups",
        version: "versions",
        purl: "package URLs",
        cpes: "CPE names",
        description: "descriptions",
        copyright: "copyrights",
        declared: "declared licenses",
        concluded: "concluded licenses",
        supplier: "suppliers",
        originator: "originators",
        source: "source packages",
        ancestors: "ancestors",
        references: "references",
        hashes: "hashes",
        verification_code: "verification codes",
        usage: "scopes",
        completeness: "completeness",
        properties: "properties",
        evidence: "evidence",
        layers: "layers of components",
    }
}

fn header(before: &Header, after: &Header, lose: &mut impl FnMut(&str, usize)) {
    let missing = |before: &[document::Tool], after: &[document::Tool]| {
        before.iter().filter(|tool| !after.contains(tool)).count()
    };
    lose("tools", missing(&before.tools, &after.tools));
    lose("authors", before.authors.iter().filter(|author| !after.authors.contains(author)).count());
    lose("properties", before.properties.iter().filter(|fact| !after.properties.contains(fact)).count());
    lose("lifecycles", usize::from(!before.lifecycles.is_empty() && before.lifecycles != after.lifecycles));
    lose(
        "manufacturer",
        usize::from(before.manufacturer.is_some() && before.manufacturer != after.manufacturer),
    );
    lose("supplier", usize::from(before.supplier.is_some() && before.supplier != after.supplier));
    lose("comment", usize::from(before.comment.is_some() && before.comment != after.comment));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::model::{Hash, HashAlgorithm, Party, PartyKind};

    fn sample() -> Document {
        let component = |id: &str| Component {
            id: id.into(),
            name: id.into(),
            hashes: vec![Hash { algorithm: HashAlgorithm::Sha256, hex: "a".repeat(64) }],
            ..Component::default()
        };
        let mut document = Document {
            components: vec![component("pkg:npm/a@1"), component("pkg:npm/b@1")],
            root: Some(0),
            ..Document::default()
        };
        document.normalise();
        document
    }

    fn check(document: &Document, format: Format) -> Option<String> {
        let losses = left_out(document, format, &Inputs::default(), &Limits::default()).unwrap();
        losses.map(|losses| losses.to_string())
    }

    #[test]
    fn whole_formats_leave_nothing_out_and_lists_are_known() {
        for &format in Format::ALL {
            let is_list = check(&sample(), format).is_none();
            assert_eq!(
                is_list,
                matches!(format.name(), "table" | "github" | "purls" | "csv" | "markdown"),
                "{format}"
            );
            if !is_list {
                assert_eq!(check(&sample(), format).unwrap(), "", "{format}");
            }
        }
    }

    #[test]
    fn identifiers_of_another_form_are_no_loss() {
        let before = sample();
        let mut after = before.clone();
        for component in &mut after.components {
            component.id.insert_str(0, "https://example.org/");
        }
        assert_eq!(compare(&before, &after).to_string(), "");
    }

    #[test]
    fn what_is_not_there_any_more_is_counted() {
        let before = sample();
        let mut after = before.clone();
        after.components[0].hashes.clear();
        after.components.pop();
        after.header.comment = Some("more".into());
        assert_eq!(compare(&before, &after).to_string(), "components (1), hashes (1)");
        assert_eq!(compare(&after, &before).to_string(), "comment (1)");
        let author = Party { kind: PartyKind::Person, name: "A".into(), email: None, url: None };
        after.header.authors.push(author);
        assert_eq!(compare(&after, &before).to_string(), "authors (1), comment (1)");
    }
}

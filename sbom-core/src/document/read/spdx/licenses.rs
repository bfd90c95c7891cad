//! Licences of elements: expressions as the document writes them, resolved once the texts of its own licences are
//! known.

use std::{borrow::Cow, collections::HashMap};

use crate::{
    document::{
        model::{Component, CustomLicense, Licensing},
        read::{Context, ReadError, records::Text},
    },
    license,
};

/// Which of the licences of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document::read) enum Whose {
    /// What it declares.
    Declared,
    /// What someone concluded.
    Concluded,
}

/// What the document says about licences, to be resolved at its end.
#[derive(Debug, Default)]
pub(in crate::document::read) struct Licenses<'a> {
    /// Name and text by the document's own identifier.
    texts: HashMap<Cow<'a, str>, (String, String)>,
    /// Of the component at an index, expressions that all apply.
    stated: Vec<(usize, Whose, Vec<Cow<'a, str>>)>,
}

impl<'a> Licenses<'a> {
    /// Adds a licence of the document's own. Whether it is the first with its identifier.
    pub(in crate::document::read) fn define(&mut self, id: Cow<'a, str>, name: String, text: String) -> bool {
        let new = !self.texts.contains_key(&id);
        if new {
            self.texts.insert(id, (name, text));
        }
        new
    }

    /// Adds what is said about the component at `index`. `NONE`, which the model has no word for, is lost.
    pub(in crate::document::read) fn state(
        &mut self,
        index: usize,
        whose: Whose,
        expressions: impl IntoIterator<Item = Text<'a>>,
        context: &mut Context<'_>,
        place: &str,
    ) {
        let mut terms = Vec::new();
        for expression in expressions {
            if expression.trim() == "NONE" {
                context.losses.add(place);
            } else if expression.known().is_some() {
                terms.push(expression.into_inner());
            }
        }
        if !terms.is_empty() {
            self.stated.push((index, whose, terms));
        }
    }

    /// Gives every component its licences. A text is repeated at each component that refers to it, so the bound on
    /// the document's bytes holds for their sum.
    pub(in crate::document::read) fn resolve(
        self,
        components: &mut [Component],
        context: &Context<'_>,
    ) -> Result<(), ReadError> {
        let mut known: HashMap<&[Cow<'a, str>], Licensing> = HashMap::new();
        let mut bytes = 0_u64;
        for (index, whose, terms) in &self.stated {
            let licensing = known.entry(terms).or_insert_with(|| self.licensing(terms));
            let texts = licensing.custom.iter().map(|license| license.text.len() as u64);
            let length = licensing.expression.as_ref().map_or(0, String::len) as u64;
            bytes = texts.fold(bytes.saturating_add(length), u64::saturating_add);
            context.limits.document_bytes.check(bytes)?;
            let Some(component) = components.get_mut(*index) else { continue };
            match whose {
                Whose::Declared => component.declared.clone_from(licensing),
                Whose::Concluded => component.concluded.clone_from(licensing),
            }
        }
        Ok(())
    }

    fn licensing(&self, terms: &[Cow<'a, str>]) -> Licensing {
        let declared =
            terms.iter().map(|term| license::declare(term).replace_custom(|known| self.text_of(known)));
        match terms {
            // A conjunction is sorted; what stands alone keeps its order.
            [_] => declared.into_iter().next().unwrap_or_default(),
            _ => license::all_of(declared),
        }
    }

    /// The licence with the name and text that the document gives it. It keeps the document's identifier, unless that
    /// looks as if it were bound to another text.
    fn text_of(&self, license: &CustomLicense) -> Option<CustomLicense> {
        let (name, text) = self.texts.get(license.text.as_str())?;
        let bound = license::custom(name, text);
        if license.id != license.text {
            return Some(bound);
        }
        Some(CustomLicense { id: license.id.clone(), ..bound })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn resolve(expression: &str, texts: &[(&'static str, &str, &str)]) -> Licensing {
        let limits = Limits::default();
        let mut context = Context::new(&limits);
        let mut licenses = Licenses::default();
        for (id, name, text) in texts {
            assert!(licenses.define(Cow::Borrowed(id), (*name).to_owned(), (*text).to_owned()));
        }
        let mut components = vec![Component::default()];
        licenses.state(0, Whose::Declared, [Text::from(expression)], &mut context, "");
        licenses.resolve(&mut components, &context).unwrap();
        components.remove(0).declared
    }

    #[test]
    fn a_licence_of_the_document_keeps_its_identifier_and_gets_its_text() {
        let licensing =
            resolve("MIT AND LicenseRef-Own", &[("LicenseRef-Own", "Our own", "do what you like")]);
        assert_eq!(licensing.expression.unwrap(), "MIT AND LicenseRef-Own");
        let own = CustomLicense {
            id: "LicenseRef-Own".to_owned(),
            name: "Our own".to_owned(),
            text: "do what you like".to_owned(),
        };
        assert_eq!(licensing.custom, [own]);
    }

    #[test]
    fn an_identifier_that_is_bound_to_a_text_stays_bound_to_it() {
        let ours = license::custom("Own", "do what you like");
        let id: &'static str = ours.id.clone().leak();
        assert_eq!(resolve(id, &[(id, "Own", "do what you like")]), ours.into());
        let other = resolve(id, &[(id, "Own", "do nothing")]);
        assert_eq!(other, license::custom("Own", "do nothing").into());
    }

    #[test]
    fn what_is_no_expression_is_kept_whole() {
        let licensing = resolve("see the file COPYING (of course", &[]);
        assert_eq!(licensing.custom[0].text, "see the file COPYING (of course");
        assert_eq!(resolve("GPL-2.0+", &[]).expression.unwrap(), "GPL-2.0-or-later");
        assert_eq!(resolve("NOASSERTION", &[]), Licensing::default());
    }

    #[test]
    fn texts_are_not_multiplied_beyond_the_bound() {
        let mut limits = Limits::default();
        limits.document_bytes.value = 1000;
        let mut context = Context::new(&limits);
        let mut licenses = Licenses::default();
        licenses.define("LicenseRef-a".into(), String::new(), "x".repeat(400));
        let mut components = vec![Component::default(); 3];
        for index in 0..3 {
            licenses.state(index, Whose::Concluded, [Text::from("LicenseRef-a")], &mut context, "");
        }
        assert!(matches!(licenses.resolve(&mut components, &context), Err(ReadError::Limit(_))));
    }
}

//! Who makes software and documents, and when: agents, tools and creation information of SPDX 3.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use crate::document::{
    model::{Header, Party, PartyKind, Tool},
    read::{
        Losses,
        records::Text,
        spdx::{gather, vocabulary},
        value::Object,
    },
    syntax,
};

/// Agents, tools and creation information by their identifiers.
#[derive(Debug, Default)]
pub(super) struct Creations<'a> {
    parties: HashMap<Cow<'a, str>, Arc<Party>>,
    tools: HashMap<Cow<'a, str>, Tool>,
    infos: HashMap<Cow<'a, str>, Creation<'a>>,
    /// The first of `infos`, for documents that name none.
    first: Option<Cow<'a, str>>,
}

#[derive(Debug, Default)]
pub(super) struct Creation<'a> {
    pub(super) created: Text<'a>,
    pub(super) by: Vec<Cow<'a, str>>,
    pub(super) using: Vec<Cow<'a, str>>,
    pub(super) comment: Text<'a>,
}

impl<'a> Creations<'a> {
    pub(super) fn add_party(&mut self, id: Cow<'a, str>, kind: &str, element: &mut Object<'a>) {
        let name = element.text("name");
        if matches!(kind, "Tool" | "SoftwareAgent") {
            self.tools.insert(id.clone(), vocabulary::tool(&name));
            if kind == "Tool" {
                return;
            }
        }
        let kind = if kind == "Person" { PartyKind::Person } else { PartyKind::Organization };
        let mut party = Party { kind, name: name.into_inner().into_owned(), email: None, url: None };
        for key in ["externalIdentifier", "externalIdentifiers"] {
            for mut identifier in element.objects(key) {
                let text = identifier.text("identifier");
                match &*identifier.text("externalIdentifierType") {
                    "email" => party.email = party.email.take().or(text.into_known()),
                    _ if syntax::is_address(&text) => party.url = party.url.take().or(text.into_known()),
                    _ => {}
                }
                let locators = identifier.texts("identifierLocator");
                party.url = party.url.take().or_else(|| locators.into_iter().find_map(Text::into_known));
            }
        }
        for mut external in element.objects("externalRef") {
            let locators = external.texts("locator");
            party.url = party.url.take().or_else(|| locators.into_iter().find_map(Text::into_known));
        }
        if !matches!(party.name.as_str(), "NOASSERTION" | "NONE") {
            self.parties.insert(id, Arc::new(party));
        }
    }

    pub(super) fn add_info(&mut self, id: Cow<'a, str>, info: Creation<'a>) {
        self.first.get_or_insert_with(|| id.clone());
        self.infos.insert(id, info);
    }

    /// Whether there is no creation information.
    pub(super) fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    pub(super) fn party(&self, id: &str) -> Option<Arc<Party>> {
        self.parties.get(id).cloned()
    }

    pub(super) fn has_party(&self, id: &str) -> bool {
        self.parties.contains_key(id) || self.tools.contains_key(id)
    }

    /// Puts into the header who made the document and when, by the creation information of this identifier or the
    /// first that there is. Others are lost: the model has one for the whole document.
    pub(super) fn tell(&self, id: Option<&str>, header: &mut Header, losses: &mut Losses) {
        for _ in self.infos.iter().skip(1) {
            losses.add("CreationInfo");
        }
        let named = id.and_then(|id| self.infos.get(id));
        let Some(info) = named.or_else(|| self.infos.get(self.first.as_ref()?)) else { return };
        match info.created.parse() {
            Ok(time) => header.timestamp = Some(time),
            Err(_) if info.created.is_empty() => {}
            Err(_) => losses.add("CreationInfo.created"),
        }
        for id in &info.by {
            match (self.tools.get(id), self.parties.get(id)) {
                (Some(tool), _) => header.tools.push(tool.clone()),
                (None, Some(party)) => header.authors.push(Party::clone(party)),
                (None, None) => losses.add("CreationInfo.createdBy"),
            }
        }
        for id in &info.using {
            match self.tools.get(id) {
                Some(tool) => header.tools.push(tool.clone()),
                None => losses.add("CreationInfo.createdUsing"),
            }
        }
        gather::creation_comment(header, &info.comment);
    }
}

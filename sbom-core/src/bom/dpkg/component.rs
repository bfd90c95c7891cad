//! One installed package → one component.

use super::{
    super::{
        Component, ComponentKind, Evidence, ExternalReference, Party, PartyKind, ReferenceKind,
        SourcePackage, Technique, address,
    },
    collect::Installed,
    copyright::Copyrights,
    root::{Archive, Root},
};
use crate::{
    detect::{
        copyright::{Copyright, Form},
        dpkg::Package,
    },
    digest::hex,
    license,
    purl::Purl,
};

/// Asks whether so many bytes of something may be taken over, see [`Draft::may_copy`](super::super::draft::Draft).
pub(super) type MayCopy<'a> = &'a mut dyn FnMut(&'static str, usize) -> bool;

/// The component of a package, without the files that it owns.
pub(super) fn component(
    installed: &Installed<'_>,
    root: &Root<'_>,
    copyrights: &Copyrights<'_>,
    may_copy: MayCopy<'_>,
) -> Component {
    let package = &*installed.package;
    let architecture = package.architecture.as_deref().unwrap_or_default();
    let archive = root.archive(&package.name, &package.version, architecture);
    let mut component = Component::new(ComponentKind::OsPackage, &package.name);
    component.version = Some(package.version.clone());
    component.purl = Some(purl(installed, root));
    component.description.clone_from(&package.description);
    component.supplier = supplier(package, root, archive.as_ref());
    component.originator = package.maintainer.as_deref().and_then(party);
    component.references = references(package);
    component.layers = installed.layers;
    if !installed.opkg {
        let (name, version) = package.source();
        component.source = Some(SourcePackage { name: name.to_owned(), version: version.to_owned() });
    }
    component.evidence = installed
        .evidence
        .iter()
        .map(|(layer, path)| Evidence {
            layer: *layer,
            path: (*path).clone(),
            technique: Technique::ManifestAnalysis,
            confidence: 100,
            detail: None,
        })
        .collect();
    if let Some(text) = &package.license {
        component.licenses = license::declare(text);
    } else if let Some((path, copyright)) = copyrights.of(installed)
        && may_copy("their licences", copyright.weight())
    {
        component.licenses = copyright.licenses.clone();
        component.property("sbomctl:deb:license-file", path.to_text());
        license_properties(&mut component, copyright);
    }
    properties(&mut component, installed, root, archive.as_ref());
    component
}

fn purl(installed: &Installed<'_>, root: &Root<'_>) -> Purl {
    let package = &*installed.package;
    let mut purl = Purl::new(if installed.opkg { "opkg" } else { "deb" }, &package.name)
        .version(&package.version)
        .qualifier("arch", package.architecture.as_deref().unwrap_or_default());
    if let Some(system) = root.system {
        purl = purl.namespace(&system.id).qualifier("distro", &system.qualifier());
    }
    if !installed.opkg {
        let (name, version) = package.source();
        if version != package.version {
            purl = purl.qualifier("upstream", &format!("{name}@{version}"));
        } else if name != package.name {
            purl = purl.qualifier("upstream", name);
        }
    }
    purl
}

/// Who distributes the package: whom it names, or its repository, where that is another than the distribution.
fn supplier(package: &Package, root: &Root<'_>, archive: Option<&Archive<'_>>) -> Option<Party> {
    let vendor = root.system.and_then(|system| system.supplier.as_ref());
    let released = archive.and_then(|archive| archive.release).and_then(|release| release.origin.as_ref());
    let Some(origin) = package.origin.as_ref().or(released) else { return vendor.cloned() };
    if root.system.is_some_and(|system| system.id.eq_ignore_ascii_case(origin)) && vendor.is_some() {
        return vendor.cloned();
    }
    Some(Party { kind: PartyKind::Organization, name: origin.clone(), email: None, url: None })
}

/// `Name <address>`, or either.
fn party(text: &str) -> Option<Party> {
    let (name, email) = match text.rsplit_once('<') {
        Some((name, email)) => (name.trim(), Some(email.trim_end_matches('>').trim())),
        None => (text.trim(), None),
    };
    let email = email.filter(|email| !email.is_empty());
    let name = name.trim_matches('"');
    let name = if name.is_empty() { email? } else { name };
    let email = email.map(str::to_owned);
    Some(Party { kind: PartyKind::Person, name: name.to_owned(), email, url: None })
}

fn references(package: &Package) -> Vec<ExternalReference> {
    let website = package.homepage.iter().map(|url| (ReferenceKind::Website, url));
    let vcs = package.vcs.iter().map(|url| (ReferenceKind::Vcs, url));
    let bugs = package.bugs.iter().map(|url| (ReferenceKind::IssueTracker, url));
    website
        .chain(vcs)
        .chain(bugs)
        // A branch or folder may stand behind the address of a repository.
        .filter_map(|(kind, text)| Some((kind, text.split_whitespace().next()?)))
        .filter_map(|(kind, url)| Some(ExternalReference { kind, url: valid(url)? }))
        .collect()
}

/// `url`, if it may stand in a bill. Repositories may have addresses of git's own.
fn valid(url: &str) -> Option<String> {
    match url.strip_prefix("git://") {
        Some(rest) => {
            Some(format!("git://{}", address::http(&format!("https://{rest}"))?.strip_prefix("https://")?))
        }
        None => address::http(url),
    }
}

fn license_properties(component: &mut Component, copyright: &Copyright) {
    let form = match copyright.form {
        Form::MachineReadable => "machine-readable",
        Form::References => "references",
        Form::Text => "text",
    };
    component.property("sbomctl:deb:license-form", form);
    // One part says no more than the whole.
    if copyright.parts.len() < 2 {
        return;
    }
    for part in &copyright.parts {
        component.property("sbomctl:deb:license-part", format!("{}: {}", part.expression, part.patterns));
    }
}

fn properties(
    component: &mut Component,
    installed: &Installed<'_>,
    root: &Root<'_>,
    archive: Option<&Archive<'_>>,
) {
    let package = &*installed.package;
    let prefix = if installed.opkg { "sbomctl:opkg" } else { "sbomctl:deb" };
    let automatic = root.automatic.filter(|_| !installed.opkg).map(|list| is_automatic(package, list));
    // Without apt's notes only what the system cannot do without is known to be wanted for itself.
    component.requested = automatic.map_or(package.essential, |automatic| !automatic);
    let mut add = |name: &str, value: &str| component.property(&format!("{prefix}:{name}"), value);
    if let Some(status) = &package.status {
        for (name, value, usual) in [
            ("want", &status.want, "install"),
            ("flag", &status.flag, "ok"),
            ("status", &status.state, "installed"),
        ] {
            if value != usual && !(installed.opkg && name == "flag") {
                add(name, value);
            }
        }
    }
    for (name, value) in
        [("priority", &package.priority), ("section", &package.section), ("multi-arch", &package.multi_arch)]
    {
        if let Some(value) = value {
            add(name, value);
        }
    }
    if package.essential {
        add("essential", "true");
    }
    if package.is_transitional() {
        add("transitional", "true");
    }
    if let Some(automatic) = automatic {
        add("installed-as", if automatic { "automatic" } else { "manual" });
    }
    for conffile in package.conffiles.iter().filter(|conffile| conffile.obsolete) {
        add("obsolete-conffile", &conffile.path.to_text());
    }
    let chisel = root.chisel.and_then(|chisel| chisel.contents.get(&package.name)).and_then(|c| c.archive);
    if let Some(sha256) = archive.map(|archive| archive.sha256).or(chisel) {
        add("package-sha256", &hex(&sha256));
    }
    if let Some(repository) = archive.and_then(|archive| archive.repository.as_deref()) {
        add("repository", repository);
    }
    if package.name == "base-files" {
        for service in root.pro {
            component.property("sbomctl:ubuntu-pro:service", service);
        }
    }
}

/// apt notes packages that run anywhere under the architecture of the system.
fn is_automatic(package: &Package, automatic: &[(String, String)]) -> bool {
    let first = automatic.partition_point(|(name, _)| *name < package.name);
    let architecture = package.architecture.as_deref();
    automatic
        .iter()
        .skip(first)
        .take_while(|(name, _)| *name == package.name)
        .any(|(_, of)| architecture.is_none_or(|architecture| architecture == "all" || architecture == of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintainers_become_parties() {
        let check = |text: &str, name: &str, email: Option<&str>| {
            let party = party(text).unwrap();
            assert_eq!((party.name.as_str(), party.email.as_deref()), (name, email), "{text}");
        };
        check("Jörg Ä <a@b.org>", "Jörg Ä", Some("a@b.org"));
        check("Team", "Team", None);
        check("<a@b.org>", "a@b.org", Some("a@b.org"));
        assert_eq!(party(" "), None);
    }

    #[test]
    fn only_addresses_become_references() {
        for (url, expected) in [
            ("https://www.gnu.org/software/libc/libc.html", true),
            ("git://a.org/x.git", true),
            ("www.gnu.org", false),
            ("git://", false),
            ("javascript:alert(1)", false),
            ("https://a.org/<x>", false),
        ] {
            assert_eq!(valid(url).is_some(), expected, "{url}");
        }
    }
}

//! Which field of a statement each tag fills.

use std::borrow::Cow;

use crate::document::read::{
    records::Text,
    spdx::statements::{Checksum, ExternalRef, File, License, Package},
};

/// Fills a field, if nothing has filled it before.
pub(super) fn set<'a>(field: &mut Text<'a>, value: Text<'a>) -> bool {
    let free = field.is_empty();
    if free {
        *field = value;
    }
    free
}

/// The first two words, and what follows them.
pub(super) fn words(text: Text<'_>) -> [Text<'_>; 3] {
    fn split(text: &str) -> [&str; 3] {
        let (first, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
        let (second, rest) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        [first, second, rest.trim()]
    }
    match text.into_inner() {
        Cow::Borrowed(text) => split(text).map(Text::from),
        Cow::Owned(text) => split(&text).map(|word| Text(word.to_owned().into())),
    }
}

/// Takes in a tag of a package. Whether it is one, and new.
pub(super) fn of_package<'a>(package: &mut Package<'a>, name: &str, value: Text<'a>) -> bool {
    let field = match name {
        "SPDXID" => &mut package.id,
        "PackageVersion" => &mut package.version,
        "PackageFileName" => &mut package.file_name,
        "PackageSupplier" => &mut package.supplier,
        "PackageOriginator" => &mut package.originator,
        "PackageDownloadLocation" => &mut package.download_location,
        "PackageHomePage" => &mut package.homepage,
        "PackageSourceInfo" => &mut package.source_info,
        "PackageLicenseConcluded" => &mut package.license_concluded,
        "PackageLicenseDeclared" => &mut package.license_declared,
        "PackageLicenseComments" => &mut package.license_comments,
        "PackageCopyrightText" => &mut package.copyright,
        "PackageSummary" => &mut package.summary,
        "PackageDescription" => &mut package.description,
        "PackageComment" => &mut package.comment,
        "PrimaryPackagePurpose" => &mut package.purpose,
        "ExternalRefComment" => match package.external_refs.last_mut() {
            Some(external) => &mut external.comment,
            None => return false,
        },
        "FilesAnalyzed" => return true,
        "PackageVerificationCode" => {
            verification_code(package, &value);
            return true;
        }
        "PackageChecksum" => return add(&mut package.checksums, checksum(value)),
        "PackageLicenseInfoFromFiles" => return add(&mut package.license_from_files, value),
        "PackageAttributionText" => return add(&mut package.attribution_texts, value),
        "ExternalRef" => {
            let [category, kind, locator] = words(value);
            let external = ExternalRef { category, kind, locator, ..ExternalRef::default() };
            return add(&mut package.external_refs, external);
        }
        _ => return false,
    };
    set(field, value)
}

/// Takes in a tag of a file. Whether it is one, and new.
pub(super) fn of_file<'a>(file: &mut File<'a>, name: &str, value: Text<'a>) -> bool {
    let field = match name {
        "SPDXID" => &mut file.id,
        "LicenseConcluded" => &mut file.license_concluded,
        "LicenseComments" => &mut file.license_comments,
        "FileCopyrightText" => &mut file.copyright,
        "FileComment" => &mut file.comment,
        "FileNotice" => &mut file.notice,
        "FileType" => return add(&mut file.types, value),
        "FileChecksum" => return add(&mut file.checksums, checksum(value)),
        "LicenseInfoInFile" => return add(&mut file.licenses_found, value),
        "FileAttributionText" => return add(&mut file.attribution_texts, value),
        _ => return false,
    };
    set(field, value)
}

/// Takes in a tag of a licence. Whether it is one, and new.
pub(super) fn of_license<'a>(license: &mut License<'a>, name: &str, value: Text<'a>) -> bool {
    match name {
        "ExtractedText" => set(&mut license.text, value),
        "LicenseName" => set(&mut license.name, value),
        "LicenseComment" => set(&mut license.comment, value),
        "LicenseCrossReference" => add(&mut license.see_also, value),
        _ => false,
    }
}

fn add<T>(list: &mut Vec<T>, item: T) -> bool {
    list.push(item);
    true
}

/// `ALGORITHM: DIGITS`.
fn checksum(value: Text<'_>) -> Checksum<'_> {
    let (algorithm, value) = match value.into_inner() {
        Cow::Borrowed(text) => {
            let (algorithm, digits) = text.split_once(':').unwrap_or((text, ""));
            (Text::from(algorithm), Text::from(digits))
        }
        Cow::Owned(text) => {
            let (algorithm, digits) = text.split_once(':').unwrap_or((&text, ""));
            (Text(algorithm.to_owned().into()), Text(digits.to_owned().into()))
        }
    };
    Checksum { algorithm, value, ..Checksum::default() }
}

/// `DIGITS (excludes: FILE, FILE)`; the brackets may be missing.
fn verification_code<'a>(package: &mut Package<'a>, value: &Text<'a>) {
    let (digits, excluded) = value.split_once('(').unwrap_or((value, ""));
    package.verification_code.value = Text(digits.trim().to_owned().into());
    let excluded = excluded.trim().trim_end_matches(')').trim_start_matches("excludes:");
    let files = excluded.split(',').map(str::trim).filter(|file| !file.is_empty());
    package.verification_code.excluded = files.map(|file| Text(file.to_owned().into())).collect();
}

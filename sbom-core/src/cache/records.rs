//! How each thing that a detector finds is written into an entry: field after field, in the order given here.
//!
//! A field or variant that is missing here does not compile. No number of a variant needs to stay what it is: the
//! key of an entry names the build that wrote it.

use super::codec::{Malformed, Reader, Record, Writer};
use crate::{
    detect::{
        Finding, GapKind, apk,
        copyright::{Copyright, Form, LicensedPart},
        dpkg::{
            self, DpkgFile,
            apt::{Archives, Release},
            installed::{Checksums, Conffile, Diversion},
            package::{Relations, Status},
            place,
            relation::{Constraint, Operator, Relation, Target},
            ubuntu::{Chisel, Contents},
        },
        go_binary::{GoProgram, MainVersion, Module, VersionSource},
        os_release::{OsRelease, ReleaseFile},
        rust_binary::{Audit, Crate, CrateSource, PathCrate, RustProgram, Toolchain, Whence},
    },
    digest::{ContentDigests, Digest},
    image_path::{ImagePath, PathList},
    license::{CustomLicense, Licensing, text::Reading},
};

/// A struct, by its fields; one that is followed by a module is written as that has it.
macro_rules! record {
    (@put $field:ident, $out:ident) => { $field.put($out) };
    (@put $field:ident, $out:ident, $module:ident) => { $module::put($field, $out) };
    (@take $input:ident) => { Record::take($input) };
    (@take $input:ident, $module:ident) => { $module::take($input) };
    ($type:ty { $($field:ident $(by $module:ident)?),+ $(,)? }) => {
        impl Record for $type {
            fn put(&self, out: &mut Writer) {
                let Self { $($field),+ } = self;
                $(record!(@put $field, out $(, $module)?);)+
            }

            fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self { $($field: record!(@take input $(, $module)?)?),+ })
            }
        }
    };
}

pub(super) use record;

/// An enum, by its variants: each with the byte that stands for it, and names for what it holds.
macro_rules! choice {
    ($type:ty { $($byte:literal => $variant:ident $(($($held:ident),+))?),+ $(,)? }) => {
        impl Record for $type {
            fn put(&self, out: &mut Writer) {
                match self {
                    $(Self::$variant $(($($held),+))? => {
                        out.byte($byte);
                        $($($held.put(out);)+)?
                    })+
                }
            }

            fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(match input.byte()? {
                    $($byte => {
                        $($(let $held = Record::take(input)?;)+)?
                        Self::$variant $(($($held),+))?
                    })+
                    _ => return Err(Malformed),
                })
            }
        }
    };
}

pub(super) use choice;

choice!(Finding {
    0 => OsRelease(release),
    1 => Apk(file),
    2 => Dpkg(file),
    3 => Copyright(copyright),
    4 => Go(program),
    5 => Rust(program),
    6 => Embedded(bytes),
});
choice!(GapKind {
    0 => Malformed,
    1 => Truncated,
    2 => Limit,
    3 => Unsupported,
    4 => Unresolved,
    5 => Unreadable,
    6 => NothingRecognised,
    7 => Partial,
});

record!(OsRelease {
    source,
    id,
    id_like,
    name,
    pretty_name,
    version_id,
    codename,
    build_id,
    cpe_name,
    home_url,
    support_url,
    bug_report_url,
    documentation_url,
    vendor_name,
    vendor_url,
});
choice!(ReleaseFile {
    0 => OsRelease,
    1 => SystemReleaseCpe,
    2 => OracleRelease,
    3 => SystemRelease,
    4 => RedHatRelease,
    5 => LsbRelease,
    6 => DebianVersion,
    7 => BusyBox,
});

choice!(apk::ApkFile {
    0 => Installed(packages),
    1 => World(dependencies),
    2 => Repositories(repositories),
    3 => Sbom(sbom),
});
record!(apk::Package {
    name,
    version,
    arch,
    origin,
    description,
    url,
    license,
    maintainer,
    build_time,
    commit,
    checksum,
    package_size,
    installed_size,
    depends,
    provides,
    replaces,
    install_if,
    provider_priority,
    replaces_priority,
    repository_tag,
    broken,
    files,
});
record!(apk::File { path, checksum });
record!(apk::Repository { tag, url });
record!(apk::Dependency { name, conflict, version, tag });
choice!(apk::Checksum { 0 => Md5(digest), 1 => Sha1(digest), 2 => Sha256(digest), 3 => Sha256Prefix(digest) });
record!(apk::Sbom { sources, definition, licenses });
record!(apk::Source { name, version, purl });

choice!(DpkgFile {
    0 => Packages(kind, packages),
    1 => List(paths),
    2 => Checksums(paths),
    3 => Conffiles(files),
    4 => Diversions(diversions),
    5 => Architectures(names),
    6 => AutoInstalled(packages),
    7 => Archives(archives),
    8 => Release(release),
    9 => Chisel(chisel),
    10 => UbuntuPro(services),
});
choice!(place::Kind {
    0 => Status,
    1 => StatusD,
    2 => OpkgStatus,
    3 => OpkgControl,
    4 => List,
    5 => OpkgList,
    6 => Checksums,
    7 => Conffiles,
    8 => Diversions,
    9 => Architectures,
    10 => Available,
    11 => AutoInstalled,
    12 => Repository,
    13 => Release,
    14 => Chisel,
    15 => Snap,
    16 => UbuntuPro,
});
record!(dpkg::package::Package {
    name,
    version,
    architecture,
    status,
    source,
    source_version,
    essential,
    priority,
    section,
    multi_arch,
    origin,
    maintainer,
    homepage,
    bugs,
    vcs,
    license,
    description,
    conffiles,
    relations,
});
record!(Relations { pre_depends, depends, recommends, suggests, breaks, provides });
record!(Status { want, flag, state });
record!(Relation { alternatives });
record!(Target { name, qualifier, constraint, architectures });
record!(Constraint { operator, version });
choice!(Operator {
    0 => Earlier,
    1 => EarlierOrEqual,
    2 => Equal,
    3 => LaterOrEqual,
    4 => Later,
});
record!(Conffile { path, md5, obsolete, removed });
record!(Diversion { from, to, by });
record!(Release { origin, label, suite });
record!(Chisel { packages, contents });
record!(Contents { archive, files });

record!(Copyright { form, licenses, parts });
choice!(Form { 0 => MachineReadable, 1 => References, 2 => Text });
record!(LicensedPart { patterns, expression });
record!(Licensing { expression, custom });
record!(CustomLicense { id, name, text });
record!(Reading { expressions, complete });

record!(GoProgram { architecture, sha256, go_version, path, main, version, modules, settings, needed });
record!(Module { path, version, sum, replacement });
record!(MainVersion { text, source });
choice!(VersionSource { 0 => BuildInfo, 1 => LinkerFlags, 2 => Symbol, 3 => Commit });

record!(RustProgram { architecture, sha256, audit, toolchain, crates, checkouts, needed });
record!(Audit { format, crates });
record!(Crate { name, version, source, build_only, concluded, dependencies, root });
choice!(CrateSource { 0 => CratesIo, 1 => Git, 2 => Local, 3 => Registry, 4 => Other(name) });
record!(Toolchain { versions, commits });
record!(PathCrate { name, version, whence });
choice!(Whence { 0 => CratesIo, 1 => Distribution, 2 => Registry, 3 => Vendored });

record!(ContentDigests { sha1, sha256 });

impl Record for Archives {
    fn put(&self, out: &mut Writer) {
        out.length(self.sha256().count());
        for (key, digest) in self.sha256() {
            out.bytes(key.as_bytes());
            out.exactly(digest);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.list(|input| Ok((input.str()?.into(), input.exactly()?))).map(Self::new)
    }
}

impl Record for Digest {
    fn put(&self, out: &mut Writer) {
        out.bytes(self.as_str().as_bytes());
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.str()?.parse().or(Err(Malformed))
    }
}

impl Record for ImagePath {
    fn put(&self, out: &mut Writer) {
        out.path(self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.path()
    }
}

impl Record for PathList {
    fn put(&self, out: &mut Writer) {
        out.path_list(self);
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        input.path_list()
    }
}

impl Record for Checksums {
    fn put(&self, out: &mut Writer) {
        let Self { paths, md5 } = self;
        paths.put(out);
        for digest in md5 {
            digest.put(out);
        }
    }

    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let paths: PathList = Record::take(input)?;
        let md5 = (0..paths.len()).map(|_| Record::take(input)).collect::<Result<_, _>>()?;
        Ok(Self { paths, md5 })
    }
}

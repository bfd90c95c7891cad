//! Licences as packages declare them, brought into SPDX licence expressions.

/// What a package declares about its licence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Declared {
    /// A valid SPDX licence expression, upper-case operators; `LicenseRef-…` for what the SPDX list does not know.
    /// None if nothing was declared.
    pub expression: Option<String>,
    /// The licences that `expression` names as `LicenseRef-…`, sorted by identifier.
    pub custom: Vec<CustomLicense>,
}

/// A licence that is not on the SPDX list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomLicense {
    /// `LicenseRef-` and letters, digits, `.` and `-`.
    pub id: String,
    /// As the package calls it.
    pub name: String,
    /// The licence text where the package ships it, else what it says in its place.
    pub text: String,
}

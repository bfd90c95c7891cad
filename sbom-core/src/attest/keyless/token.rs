//! Identity tokens: read, checked for what can be known of them, and never shown.

use std::fmt;

use sigstore_oidc::IdentityToken;

use crate::timestamp::Timestamp;

/// An `OpenID` Connect identity token, as a signed JWT. Its signature is for Fulcio to check.
#[derive(Clone)]
pub struct Token(IdentityToken);

/// A token cannot be used. No error quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is not a JWT, or lacks `iss`, `sub` or `exp`.
    #[error("the identity token is no JWT with issuer, subject and end")]
    Form,
    /// It has expired.
    #[error("the identity token of {issuer} expired at {end}: get a new one, they last for minutes")]
    Expired {
        /// Who issued it.
        issuer: String,
        /// When it ended.
        end: Timestamp,
    },
    /// It is meant for others.
    #[error("the identity token of {issuer} is not meant for the audience \"sigstore\", which Fulcio wants")]
    Audience {
        /// Who issued it.
        issuer: String,
    },
    /// Fulcio takes no email addresses that the issuer has not verified.
    #[error("the identity token of {issuer} names an email address that its issuer has not verified")]
    Email {
        /// Who issued it.
        issuer: String,
    },
    /// This is a job of a CI system that gives tokens to jobs, but not to this one.
    #[error("this job of {system} has no identity token: {how}")]
    NotGranted {
        /// The system.
        system: &'static str,
        /// What lets the job have one.
        how: &'static str,
    },
}

/// The longest token that is looked at; those of CI systems have 1 to 2 KiB.
const LENGTH: usize = 64 << 10;

impl Token {
    /// Reads a JWT (white space around it is no part of it), and refuses what Fulcio would refuse at `now`.
    ///
    /// # Errors
    ///
    /// If it is none, has expired, is for another audience, or names an email address that nobody has verified.
    pub fn read(text: &str, now: Timestamp) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > LENGTH {
            return Err(TokenError::Form);
        }
        let token = IdentityToken::from_jwt(text).map_err(|_says_parts_of_it| TokenError::Form)?;
        let issuer = token.issuer().to_owned();
        let end = u64::try_from(token.expiration().as_second()).unwrap_or(0);
        let end = Timestamp::from_unix(end).map_err(|_too_late| TokenError::Form)?;
        if end <= now {
            return Err(TokenError::Expired { issuer, end });
        }
        if !token.claims().aud.contains(AUDIENCE) {
            return Err(TokenError::Audience { issuer });
        }
        if token.email().is_some() && !token.email_verified() {
            return Err(TokenError::Email { issuer });
        }
        Ok(Self(token))
    }

    /// Who issued it, by its own words.
    pub fn issuer(&self) -> &str {
        self.0.issuer()
    }

    /// Whom it is about, by its own words: an email address, or else the subject. What the certificate will name may
    /// be another form of it: Fulcio decides by issuer.
    pub fn identity(&self) -> &str {
        self.0.identity()
    }

    pub(super) fn to_identity(&self) -> IdentityToken {
        self.0.clone()
    }

    pub(super) fn secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("issuer", &self.issuer()).finish_non_exhaustive()
    }
}

/// The audience that tokens for Fulcio are meant for.
pub(super) const AUDIENCE: &str = "sigstore";

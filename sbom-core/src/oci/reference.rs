//! Image references in Docker's normal form.

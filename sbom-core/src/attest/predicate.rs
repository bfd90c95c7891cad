//! Types of predicates, and the names that tools give them.

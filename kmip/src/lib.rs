//! KMIP vocabulary.

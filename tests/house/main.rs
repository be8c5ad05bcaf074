//! The laws of the house, kept by reading its sources.
//!
//! Each rule is one function from the sources to findings, and one test that wants none. A rule that cannot find anything is
//! worth nothing, so each is also run over small made-up sources that break it.

mod confine;
mod door;
mod finding;
mod graph;
mod layout;
mod names;
mod path;
mod rooms;
mod scan;
mod shape;
mod source;
mod words;

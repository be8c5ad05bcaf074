//! The Appliance for tests.

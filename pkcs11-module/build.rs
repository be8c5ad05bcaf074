//! Links the module so that `dlclose` never unloads it: the handlers it gave to `pthread_atfork` must stay where they are.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

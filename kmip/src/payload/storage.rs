//! Where objects may be kept, as several requests say it.

use crate::code::ProtectionStorageMask;

structure! {
    /// Places of which any will do (KMIP 2.1 §7.33).
    ProtectionStorageMasks {
        protection_storage_mask: Vec<ProtectionStorageMask> = ProtectionStorageMask, V2_0;
    }
}

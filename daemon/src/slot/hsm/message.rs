//! What the daemon asks its worker, and what the worker answers. Numbers of mechanisms, key types and return values are
//! PKCS#11's own.

use strongroom_kmip::secret::Secret;

use super::{
    cargo::{Cargo, Leaving},
    codec::{Plain, messages},
};

messages! {
    /// What the daemon asks. The first question on the worker's first socket is `Open`; all others go to any lane.
    enum Ask {
        /// Load the library, find the token, log in, and serve the lanes that come with this.
        1 = Open {
            /// Where the library is.
            library: String,
            /// Which token.
            choice: Chosen,
            /// The user's PIN; without one nobody logs in.
            pin: Option<Secret>,
            /// Log in although the token says that a wrong PIN was entered before: the operator says so.
            dare: bool,
            /// What the library may reach.
            bounds: Bounds,
            /// How many lanes there are.
            lanes: u32,
        };
        /// Is the token still there, and still the same?
        2 = Probe;
        /// Make a key or a pair.
        3 = Make {
            /// Its CKA_ID.
            id: Plain,
            /// Its CKA_LABEL.
            label: Plain,
            /// What.
            making: Making,
            /// Whether it may leave.
            leaving: Leaving,
        };
        /// Put a key in that was made elsewhere.
        4 = Bring {
            /// Its CKA_ID.
            id: Plain,
            /// Its CKA_LABEL.
            label: Plain,
            /// What.
            brought: Brought,
            /// Whether it may leave.
            leaving: Leaving,
        };
        /// Make another object of the same key.
        5 = Copy {
            /// Of which.
            of: Reference,
            /// Its CKA_ID.
            id: Plain,
            /// Its CKA_LABEL.
            label: Plain,
        };
        /// Remove every object of this name.
        6 = Remove {
            /// Which.
            key: Reference,
        };
        /// Use a key.
        7 = Work {
            /// For what.
            using: Using,
            /// Which.
            key: Reference,
            /// How.
            step: Step,
            /// The data.
            data: Secret,
        };
        /// Agree on a secret of so many bytes.
        8 = Agree {
            /// With which key.
            key: Reference,
            /// The other's public point.
            point: Plain,
            /// How many bytes.
            length: u32,
        };
        /// Which private and secret keys are there?
        9 = List;
        /// Which of these keys are there?
        10 = Has {
            /// The keys; a class of nought is any.
            keys: Vec<Reference>,
        };
        /// Encrypt a key for another token.
        11 = Load {
            /// Which.
            key: Reference,
            /// By which mechanism.
            mechanism: u64,
            /// Under the key with this label.
            wrapper: Plain,
        };
        /// Take a key that another token has encrypted, unless it is there already.
        12 = Unload {
            /// What.
            cargo: Cargo,
            /// By which mechanism.
            mechanism: u64,
            /// Under the key with this label.
            wrapper: Plain,
        };
        /// Is there a key that encrypts others, and which?
        13 = Wrapper {
            /// Its label.
            label: Plain,
        };
    }

    /// What the worker answers.
    enum Answer {
        /// It is done.
        0 = Done;
        /// It was not done.
        1 = Failed {
            /// Why, as far as it matters here.
            trouble: Trouble,
            /// What the library said, for the log.
            word: String,
        };
        /// The token is open.
        2 = Opened {
            /// What it is.
            token: Token,
            /// How many lanes are served: as many as the token gave sessions for.
            lanes: u32,
        };
        /// A key was made or brought.
        3 = Made {
            /// Its public half.
            public: Public,
            /// Whether it leaves no otherwise than it may: sensitive, and extractable only where that was asked for.
            held: bool,
        };
        /// The result of a use.
        4 = Bytes {
            /// The bytes.
            bytes: Secret,
        };
        /// So many objects were removed.
        5 = Removed {
            /// How many.
            count: u32,
        };
        /// The keys that are there.
        6 = Listed {
            /// Each of them.
            keys: Vec<Listed>,
        };
        /// Which keys are there.
        7 = There {
            /// For each that was asked for.
            there: Vec<bool>,
        };
        /// A key, encrypted.
        8 = Loaded {
            /// What goes to the other token.
            cargo: Cargo,
        };
        /// The key that encrypts others is there.
        9 = Wrapper {
            /// Its CKA_CHECK_VALUE, where the token says it.
            check: Plain,
        };
    }

    /// What a library may reach beside what every library needs.
    struct Bounds {
        /// Which sockets it may have.
        sockets: Sockets;
        /// Whether it may start processes.
        processes: bool;
        /// Files and folders that it may read and write.
        paths: Vec<String>;
    }

    /// Which sockets a library may have.
    enum Sockets {
        /// None.
        0 = None;
        /// Those of this machine: to a vendor's daemon.
        1 = Local;
        /// Any: to an HSM in the network.
        2 = Any;
    }

    /// Which token.
    enum Chosen {
        /// By its label.
        0 = Label { #[doc = "The label."] label: String };
        /// By its serial number.
        1 = Serial { #[doc = "The number."] serial: String };
        /// By several of its properties; what is not said is any.
        2 = Properties {
            /// Its label.
            label: Option<String>,
            /// Its serial number.
            serial: Option<String>,
            /// Its manufacturer.
            manufacturer: Option<String>,
            /// Its model.
            model: Option<String>,
            /// The number of its slot.
            number: Option<u64>,
        };
    }

    /// What the worker says of the token that it opened.
    struct Token {
        /// Its label.
        label: String;
        /// Its serial number.
        serial: String;
        /// Its maker.
        manufacturer: String;
        /// Its model.
        model: String;
        /// The maker of the library.
        library: String;
        /// Its mechanisms.
        mechanisms: Vec<Known>;
    }

    /// A mechanism of the token.
    struct Known {
        /// Its number.
        number: u64;
        /// The shortest key, in the unit that the mechanism has.
        least: u64;
        /// The longest.
        most: u64;
        /// For what, a bit for each of [`Using`] in its order, then one for making keys and one for deriving.
        uses: u8;
    }

    /// A key in the token.
    struct Reference {
        /// Its class, PKCS#11's number.
        class: u64;
        /// Its CKA_ID.
        id: Plain;
        /// Its CKA_LABEL, where the identifier alone may not do.
        label: Option<Plain>;
    }

    /// A key to be made.
    enum Making {
        /// A secret key.
        0 = Secret {
            /// By which mechanism.
            mechanism: u64,
            /// Its type.
            kind: u64,
            /// Its bytes, where the type does not say.
            length: Option<u32>,
        };
        /// An RSA pair with the exponent 65537.
        1 = Rsa { #[doc = "Bits of the modulus."] bits: u32 };
        /// An elliptic pair.
        2 = Elliptic {
            /// By which mechanism.
            mechanism: u64,
            /// Its type.
            kind: u64,
            /// CKA_EC_PARAMS.
            parameters: Plain,
        };
    }

    /// A key that comes from elsewhere.
    enum Brought {
        /// A secret key.
        0 = Secret {
            /// Its type.
            kind: u64,
            /// Its bytes.
            value: Secret,
        };
        /// An RSA private key, with all its numbers.
        1 = Rsa {
            /// n.
            modulus: Plain,
            /// e.
            exponent: Plain,
            /// d.
            private: Secret,
            /// p.
            p: Secret,
            /// q.
            q: Secret,
            /// d mod p-1.
            dp: Secret,
            /// d mod q-1.
            dq: Secret,
            /// 1/q mod p.
            qinv: Secret,
        };
        /// An elliptic private key.
        2 = Elliptic {
            /// Its type.
            kind: u64,
            /// CKA_EC_PARAMS.
            parameters: Plain,
            /// The number.
            number: Secret,
        };
    }

    /// The public half of what was made.
    enum Public {
        /// There is none.
        0 = None;
        /// RSA.
        1 = Rsa { #[doc = "n."] modulus: Plain, #[doc = "e."] exponent: Plain };
        /// CKA_EC_POINT, as the token has it.
        2 = Point { #[doc = "The bytes."] point: Plain };
    }

    /// For what a key is used.
    enum Using {
        /// C_Encrypt.
        0 = Encrypt;
        /// C_Decrypt.
        1 = Decrypt;
        /// C_Sign.
        2 = Sign;
        /// C_WrapKey of the data, which become a key of this session for a moment.
        3 = Wrap;
        /// C_UnwrapKey, and the value of the key.
        4 = Unwrap;
    }

    /// A mechanism with its parameter.
    struct Step {
        /// Its number.
        number: u64;
        /// Its parameter.
        parameter: Parameter;
    }

    /// The parameter of a mechanism.
    enum Parameter {
        /// None.
        0 = None;
        /// An initialisation vector.
        1 = Start { #[doc = "One block."] iv: Plain };
        /// CK_AES_CTR_PARAMS.
        2 = Counter { #[doc = "The first block."] block: Plain };
        /// CK_GCM_PARAMS.
        3 = Gcm {
            /// The nonce.
            nonce: Plain,
            /// What is authenticated only.
            additional: Plain,
            /// Bits of the tag.
            tag: u32,
        };
        /// CK_RSA_PKCS_PSS_PARAMS.
        4 = Pss {
            /// The hash's mechanism.
            hash: u64,
            /// The mask's number.
            mask: u64,
            /// Bytes of salt.
            salt: u32,
        };
        /// CK_RSA_PKCS_OAEP_PARAMS.
        5 = Oaep {
            /// The hash's mechanism.
            hash: u64,
            /// The mask's number.
            mask: u64,
            /// The label.
            label: Plain,
        };
    }

    /// A key that is there.
    struct Listed {
        /// Where.
        key: Reference;
        /// Its type, where it says.
        kind: Option<u64>;
        /// Its bytes (a secret key), where it says.
        length: Option<u32>;
        /// CKA_EC_PARAMS.
        parameters: Option<Plain>;
        /// Its public half, where it is known.
        public: Public;
        /// Whether it can never leave.
        held: bool;
        /// Whether it has no name, or one that another key has too.
        alike: bool;
    }

    /// Why the worker did not do it.
    enum Trouble {
        /// The library is not there, or cannot be loaded.
        0 = NoLibrary;
        /// It is a library, and not one of PKCS#11 2 or 3.
        1 = NotCryptoki;
        /// It does not start.
        2 = NotStarted;
        /// There is no such token.
        3 = NoToken;
        /// There are several such tokens.
        4 = SeveralTokens;
        /// The token was never initialised.
        5 = Uninitialised;
        /// The token wants a PIN, and there is none.
        6 = NoPin;
        /// The PIN is wrong. It was tried once.
        7 = WrongPin;
        /// A wrong PIN was entered before; another might lock the token. Nothing was tried.
        8 = PinAtRisk;
        /// The token is locked.
        9 = PinLocked;
        /// The token is not there any more, or is another one, or this session is over.
        10 = Gone;
        /// The mechanism, or the key for it, is not the token's.
        11 = Unsupported;
        /// A parameter is not.
        12 = Parameter;
        /// The data have a wrong length.
        13 = Length;
        /// The data do not decrypt.
        14 = Undecryptable;
        /// There is no such key.
        16 = NoKey;
        /// There are several such keys.
        17 = SeveralKeys;
        /// The token has no room.
        18 = Full;
        /// No more sessions.
        19 = NoSession;
        /// The token does not make or take such a key.
        20 = Template;
        /// The library answered what cannot be.
        21 = Garbage;
        /// The token failed.
        22 = Device;
        /// The worker could not be confined.
        23 = NotConfined;
        /// There is no key of that label that encrypts others, or there are several.
        24 = NoWrapper;
    }
}

impl Clone for Reference {
    fn clone(&self) -> Self {
        Self { class: self.class, id: self.id.clone(), label: self.label.clone() }
    }
}

impl Using {
    /// Its bit in [`Known::uses`].
    pub(super) const fn bit(&self) -> u8 {
        match self {
            Self::Encrypt => 1,
            Self::Decrypt => 1 << 1,
            Self::Sign => 1 << 2,
            Self::Wrap => 1 << 3,
            Self::Unwrap => 1 << 4,
        }
    }
}

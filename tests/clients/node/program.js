// What pkcs11js and graphene-pk11 expect of a token: run as `program.js MODULE TOKEN PIN`; it ends in "all held" or in an error.

"use strict";

const assert = require("node:assert");
const crypto = require("node:crypto");
const graphene = require("graphene-pk11");
const pkcs11js = require("pkcs11js");

const [path, label, pin] = process.argv.slice(2);
const DATA = Buffer.from("data to be worked on");
// A state that pkcs11js has no name for.
const RW_USER_FUNCTIONS = 3;
const P256 = Buffer.from("06082a8648ce3d030107", "hex");

// pkcs11js: the functions as they are in C.
const p11 = new pkcs11js.PKCS11();
p11.load(path);
p11.C_Initialize();
const slot = p11.C_GetSlotList(true).find((slot) => p11.C_GetTokenInfo(slot).label.trim() === label);
assert(slot, "the token is there");
const session = p11.C_OpenSession(slot, pkcs11js.CKF_RW_SESSION | pkcs11js.CKF_SERIAL_SESSION);
p11.C_Login(session, pkcs11js.CKU_USER, pin);
assert.strictEqual(p11.C_GetSessionInfo(session).state, RW_USER_FUNCTIONS);

const pair = p11.C_GenerateKeyPair(session, { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN }, [
  { type: pkcs11js.CKA_EC_PARAMS, value: P256 },
  { type: pkcs11js.CKA_TOKEN, value: true },
  { type: pkcs11js.CKA_LABEL, value: "node" },
  { type: pkcs11js.CKA_VERIFY, value: true },
], [
  { type: pkcs11js.CKA_TOKEN, value: true },
  { type: pkcs11js.CKA_LABEL, value: "node" },
  { type: pkcs11js.CKA_SIGN, value: true },
]);
const digest = crypto.createHash("sha256").update(DATA).digest();
p11.C_SignInit(session, { mechanism: pkcs11js.CKM_ECDSA }, pair.privateKey);
const signature = p11.C_Sign(session, digest, Buffer.alloc(64));
p11.C_VerifyInit(session, { mechanism: pkcs11js.CKM_ECDSA }, pair.publicKey);
assert(p11.C_Verify(session, digest, signature));
const [{ value: point }] = p11.C_GetAttributeValue(session, pair.publicKey, [{ type: pkcs11js.CKA_EC_POINT }]);
const head = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const other = crypto.createPublicKey({ key: Buffer.concat([head, point.subarray(2)]), format: "der", type: "spki" });
assert(crypto.verify("sha256", DATA, { key: other, dsaEncoding: "ieee-p1363" }, signature), "Node agrees");

p11.C_FindObjectsInit(session, [{ type: pkcs11js.CKA_LABEL, value: "node" }]);
assert.strictEqual(p11.C_FindObjects(session, 10).length, 2);
p11.C_FindObjectsFinal(session);

const aes = p11.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [
  { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
  { type: pkcs11js.CKA_ENCRYPT, value: true },
  { type: pkcs11js.CKA_DECRYPT, value: true },
]);
const cbc = { mechanism: pkcs11js.CKM_AES_CBC_PAD, parameter: crypto.randomBytes(16) };
p11.C_EncryptInit(session, cbc, aes);
const hidden = p11.C_Encrypt(session, DATA, Buffer.alloc(64));
p11.C_DecryptInit(session, cbc, aes);
assert.deepStrictEqual(p11.C_Decrypt(session, hidden, Buffer.alloc(64)), DATA);
assert.throws(() => p11.C_GetAttributeValue(session, aes, [{ type: pkcs11js.CKA_VALUE }]), /CKR_ATTRIBUTE_SENSITIVE/);
assert.notDeepStrictEqual(p11.C_GenerateRandom(session, Buffer.alloc(16)), Buffer.alloc(16));
p11.C_Logout(session);
assert.throws(() => p11.C_Login(session, pkcs11js.CKU_USER, `${pin}0`), /CKR_PIN_INCORRECT/);
p11.C_CloseSession(session);
p11.C_Finalize();

// graphene: the same with objects, streams and templates of its own.
const module_ = graphene.Module.load(path, "strongroom");
module_.initialize();
const slots = module_.getSlots(true);
const token = Array.from({ length: slots.length }, (_, at) => slots.items(at)).find((it) => it.getToken().label.trim() === label);
const open = token.open(graphene.SessionFlag.RW_SESSION | graphene.SessionFlag.SERIAL_SESSION);
open.login(pin);
const keys = open.generateKeyPair(graphene.KeyGenMechanism.RSA, {
  keyType: graphene.KeyType.RSA, modulusBits: 2048, publicExponent: Buffer.from([1, 0, 1]), verify: true, encrypt: true,
}, { keyType: graphene.KeyType.RSA, sign: true, decrypt: true });
const sign = open.createSign("SHA256_RSA_PKCS", keys.privateKey);
sign.update(DATA.subarray(0, 7));
sign.update(DATA.subarray(7));
const made = sign.final();
assert(open.createVerify("SHA256_RSA_PKCS", keys.publicKey).once(DATA, made));
const { modulus, publicExponent } = keys.publicKey.getAttribute({ modulus: null, publicExponent: null });
const jwk = { kty: "RSA", n: modulus.toString("base64url"), e: publicExponent.toString("base64url") };
assert(crypto.verify("sha256", DATA, crypto.createPublicKey({ key: jwk, format: "jwk" }), made), "Node agrees");
const oaep = {
  name: "RSA_PKCS_OAEP",
  params: new graphene.RsaOaepParams(graphene.MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256),
};
const box = open.createCipher(oaep, keys.publicKey).once(DATA, Buffer.alloc(512));
assert.deepStrictEqual(open.createDecipher(oaep, keys.privateKey).once(box, Buffer.alloc(512)), DATA);
const secret = open.generateKey(graphene.KeyGenMechanism.AES, {
  class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.AES, valueLen: 32, encrypt: true, decrypt: true,
});
const gcm = { name: "AES_GCM", params: new graphene.AesGcm240Params(crypto.randomBytes(12), Buffer.from("beside"), 128) };
const locked = open.createCipher(gcm, secret).once(DATA, Buffer.alloc(128));
assert.deepStrictEqual(open.createDecipher(gcm, secret).once(locked, Buffer.alloc(128)), DATA);
assert.deepStrictEqual(open.createDigest("SHA256").once(DATA), digest);
assert.strictEqual(open.find({ label: "node" }).length, 2);
for (let left = open.find({ label: "node" }); left.length > 0; left = open.find({ label: "node" })) {
  left.items(0).toType().destroy();
}
open.logout();
open.close();
module_.finalize();
console.log("all held");

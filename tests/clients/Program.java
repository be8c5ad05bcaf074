// SunPKCS11 as a program uses it: keys of the token and keys of a session, threads at once.

import java.security.*;
import java.security.spec.*;
import java.util.*;
import java.util.concurrent.*;
import javax.crypto.*;
import javax.crypto.spec.*;

public class Program {
    static Provider provider;
    static final byte[] DATA = "data to be worked on".getBytes();

    static void hold(boolean held, String what) {
        if (!held) {
            throw new AssertionError(what);
        }
        System.out.println(what);
    }

    static void signs(String algorithm, AlgorithmParameterSpec with, PrivateKey key, PublicKey other) throws Exception {
        Signature signer = Signature.getInstance(algorithm, provider);
        Signature verifier = Signature.getInstance(algorithm);
        if (with != null) {
            signer.setParameter(with);
            verifier.setParameter(with);
        }
        signer.initSign(key);
        signer.update(DATA);
        byte[] signature = signer.sign();
        verifier.initVerify(other);
        verifier.update(DATA);
        hold(verifier.verify(signature), algorithm);
    }

    static void turns(String algorithm, AlgorithmParameterSpec with, SecretKey key) throws Exception {
        Cipher cipher = Cipher.getInstance(algorithm, provider);
        cipher.init(Cipher.ENCRYPT_MODE, key, with);
        byte[] hidden = cipher.doFinal(DATA);
        cipher.init(Cipher.DECRYPT_MODE, key, with);
        hold(Arrays.equals(cipher.doFinal(hidden), DATA), algorithm);
    }

    public static void main(String[] words) throws Exception {
        provider = Security.getProvider("SunPKCS11").configure(words[0]);
        Security.addProvider(provider);
        KeyStore store = KeyStore.getInstance("PKCS11", provider);
        store.load(null, words[1].toCharArray());

        PrivateKey rsa = (PrivateKey) store.getKey("rsa", null);
        PublicKey rsaPublic = store.getCertificate("rsa").getPublicKey();
        signs("SHA256withRSA", null, rsa, rsaPublic);
        signs("SHA512withRSA", null, rsa, rsaPublic);
        signs("RSASSA-PSS", new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1), rsa, rsaPublic);
        signs("SHA256withECDSA", null, (PrivateKey) store.getKey("elliptic", null),
            store.getCertificate("elliptic").getPublicKey());

        byte[] nonce = new byte[12];
        new SecureRandom().nextBytes(nonce);
        turns("AES/GCM/NoPadding", new GCMParameterSpec(128, nonce), (SecretKey) store.getKey("secret", null));
        KeyGenerator maker = KeyGenerator.getInstance("AES", provider);
        maker.init(128);
        SecretKey session = maker.generateKey();
        turns("AES/CBC/PKCS5Padding", new IvParameterSpec(new byte[16]), session);
        turns("AES/CTR/NoPadding", new IvParameterSpec(new byte[16]), session);

        KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", provider);
        pairs.initialize(new ECGenParameterSpec("secp384r1"));
        KeyPair pair = pairs.generateKeyPair();
        signs("SHA384withECDSA", null, pair.getPrivate(), pair.getPublic());

        byte[] digest = MessageDigest.getInstance("SHA-256", provider).digest(DATA);
        hold(Arrays.equals(digest, MessageDigest.getInstance("SHA-256", "SUN").digest(DATA)), "SHA-256");
        SecureRandom random = SecureRandom.getInstance("PKCS11", provider);
        random.setSeed(DATA);
        hold(random.nextLong() != random.nextLong(), "random");

        ExecutorService threads = Executors.newFixedThreadPool(8);
        List<Future<?>> works = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            works.add(threads.submit(() -> {
                Signature signer = Signature.getInstance("SHA256withRSA", provider);
                signer.initSign(rsa);
                signer.update(DATA);
                return signer.sign();
            }));
        }
        for (Future<?> work : works) {
            work.get();
        }
        threads.shutdown();
        System.out.println("all held");
    }
}

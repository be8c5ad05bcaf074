// Threads of one program on SunPKCS11, for so many seconds: Threads PROVIDER PIN SECONDS.

import java.security.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import javax.crypto.*;
import javax.crypto.spec.*;

public class Threads {
    static final byte[] DATA = "data to be worked on".getBytes();

    public static void main(String[] words) throws Exception {
        Provider provider = Security.getProvider("SunPKCS11").configure(words[0]);
        Security.addProvider(provider);
        KeyStore store = KeyStore.getInstance("PKCS11", provider);
        store.load(null, words[1].toCharArray());
        PrivateKey key = (PrivateKey) store.getKey("elliptic", null);
        PublicKey other = store.getCertificate("elliptic").getPublicKey();
        long end = System.nanoTime() + Long.parseLong(words[2]) * 1_000_000_000L;

        AtomicLong rounds = new AtomicLong();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        List<Future<?>> works = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            works.add(threads.submit(() -> {
                SecureRandom random = new SecureRandom();
                while (System.nanoTime() < end) {
                    Signature signer = Signature.getInstance("SHA256withECDSA", provider);
                    signer.initSign(key);
                    signer.update(DATA);
                    Signature verifier = Signature.getInstance("SHA256withECDSA", "SunEC");
                    verifier.initVerify(other);
                    verifier.update(DATA);
                    if (!verifier.verify(signer.sign())) {
                        throw new AssertionError("a signature");
                    }
                    // A key of the session, which ends when Java finds it unused.
                    KeyGenerator maker = KeyGenerator.getInstance("AES", provider);
                    maker.init(256);
                    SecretKey session = maker.generateKey();
                    byte[] nonce = new byte[12];
                    random.nextBytes(nonce);
                    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding", provider);
                    cipher.init(Cipher.ENCRYPT_MODE, session, new GCMParameterSpec(128, nonce));
                    byte[] hidden = cipher.doFinal(DATA);
                    cipher.init(Cipher.DECRYPT_MODE, session, new GCMParameterSpec(128, nonce));
                    if (!Arrays.equals(cipher.doFinal(hidden), DATA)) {
                        throw new AssertionError("a text");
                    }
                    rounds.incrementAndGet();
                    Thread.sleep(200);
                }
                return null;
            }));
        }
        for (Future<?> work : works) {
            work.get();
        }
        threads.shutdown();
        System.out.println(rounds + " rounds held");
    }
}

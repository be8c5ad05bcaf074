/* A PKCS#11 library that misbehaves as it is told: the file `fault` in the folder MISBEHAVING names what is wrong with it now.
 * Its token keeps secret keys as names in the file `keys`; what it calls a signature is made of the name and the data. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef unsigned long ulong;
typedef unsigned char byte;

struct version { byte major, minor; };
struct info { struct version cryptoki; byte manufacturer[32]; ulong flags; byte description[32]; struct version library; };
struct slot_info { byte description[64]; byte manufacturer[32]; ulong flags; struct version hardware, firmware; };
struct token_info {
    byte label[32], manufacturer[32], model[16], serial[16];
    ulong flags, most_sessions, sessions, most_rw, rw, longest_pin, shortest_pin, memory[4];
    struct version hardware, firmware;
    byte time[16];
};
struct mechanism_info { ulong least, most, flags; };
struct session_info { ulong slot, state, flags, error; };
struct attribute { ulong type; void *value; ulong length; };

enum { OK = 0, GENERAL = 5, SENSITIVE = 0x11, NO_ATTRIBUTE = 0x12, MEMORY = 0x31, REMOVED = 0x32, NO_KEY = 0x60, NO_FUNCTION = 0x54,
       PIN_INCORRECT = 0xa0, PIN_LOCKED = 0xa4, SESSION_COUNT = 0xb1, NO_TOKEN = 0xe0, TOO_SMALL = 0x150 };
enum { NAME = 16, MOST = 4096, LENGTH = 32 };

static char found[MOST][NAME];
static _Thread_local int hits[8], hit_count, hit_at;
static _Thread_local int signing = -1;
static int opened;

static const char *folder(void) {
    const char *path = getenv("MISBEHAVING");
    return path ? path : ".";
}

static FILE *file_of(const char *name, const char *mode) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    return fopen(path, mode);
}

static int fault(const char *word) {
    char said[32] = "";
    FILE *file = file_of("fault", "r");
    if (file) {
        if (!fgets(said, sizeof said, file)) said[0] = 0;
        fclose(file);
    }
    said[strcspn(said, "\n")] = 0;
    return strcmp(said, word) == 0;
}

static void note(const char *name) {
    FILE *file = file_of(name, "a");
    if (file) {
        fputc('+', file);
        fclose(file);
    }
}

/* The keys that there are; a name of nothing but noughts is one that was destroyed. */
static int keys(void) {
    FILE *file = file_of("keys", "rb");
    int count = file ? (int)fread(found, NAME, MOST, file) : 0;
    if (file) fclose(file);
    return count;
}

static void pad(byte *to, ulong length, const char *text) {
    memset(to, ' ', length);
    memcpy(to, text, strlen(text));
}

/* Reaches for what is none of a library's business, and notes it where something came of it. */
static void reach(void) {
    const char *target = getenv("TARGET");
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
    int got = 0;
    if (fault("file")) got = open(target ? target : "/etc/shadow", O_RDONLY) >= 0;
    else if (fault("write")) got = open(target ? target : "/etc/shadow", O_WRONLY) >= 0;
    else if (fault("memory")) got = open(path, O_RDWR) >= 0;
    else if (fault("internet")) got = socket(AF_INET, SOCK_STREAM, 0) >= 0;
    else if (fault("socket")) got = socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
    else if (fault("ring")) got = syscall(SYS_io_uring_setup, 1, 0) >= 0 || errno != EPERM;
    else if (fault("program")) got = execl("/bin/true", "true", (char *)NULL) == 0 || 1;
    else if (fault("fork")) got = fork() >= 0;
    else if (fault("trace")) got = ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0 || 1;
    else if (fault("kill")) got = kill(getppid(), 0) == 0 || 1;
    else if (fault("mount")) got = mount("none", "/mnt", "tmpfs", 0, NULL) == 0 || 1;
    if (got) note("escapes");
}

static void hang(void) {
    for (;;) pause();
}

static ulong C_Initialize(void *arguments) {
    (void)arguments;
    if (fault("slow-start")) hang();
    return fault("no-start") ? GENERAL : OK;
}
static ulong C_Finalize(void *reserved) { (void)reserved; return OK; }
static ulong C_GetInfo(struct info *info) {
    memset(info, 0, sizeof *info);
    info->cryptoki.major = fault("version") ? 9 : 2;
    info->cryptoki.minor = 40;
    pad(info->manufacturer, 32, "nobody");
    pad(info->description, 32, "misbehaves as it is told");
    return OK;
}
static ulong C_GetSlotList(byte present, ulong *list, ulong *count) {
    (void)present;
    ulong there = fault("no-token") ? 0 : fault("several") ? 2 : 1;
    for (ulong slot = 0; list && slot < there; slot++) list[slot] = slot;
    *count = there;
    return OK;
}
static ulong C_GetSlotInfo(ulong slot, struct slot_info *info) {
    (void)slot;
    memset(info, 0, sizeof *info);
    info->flags = 1;
    return OK;
}
static ulong C_GetTokenInfo(ulong slot, struct token_info *info) {
    (void)slot;
    if (fault("removed")) return NO_TOKEN;
    memset(info, 0, sizeof *info);
    pad(info->label, 32, "token");
    pad(info->manufacturer, 32, "nobody");
    pad(info->model, 16, "model");
    pad(info->serial, 16, fault("another") ? "2" : "1");
    /* RNG, login required, user PIN set, token initialised. */
    info->flags = 0x1 | 0x4 | 0x8 | (fault("blank") ? 0 : 0x400) | (fault("tried") ? 0x10000 : 0);
    info->longest_pin = 64;
    return OK;
}
static ulong C_GetMechanismList(ulong slot, ulong *list, ulong *count) {
    (void)slot;
    if (list) {
        list[0] = 0x251;
        list[1] = 0x350;
    }
    *count = fault("mechanisms") ? 1UL << 60 : 2;
    return OK;
}
static ulong C_GetMechanismInfo(ulong slot, ulong mechanism, struct mechanism_info *info) {
    (void)slot;
    info->least = 1;
    info->most = 64;
    /* C_Sign for the HMAC, C_GenerateKey for the other. */
    info->flags = mechanism == 0x251 ? 0x800 : 0x8000;
    return OK;
}
static ulong C_OpenSession(ulong slot, ulong flags, void *application, void *notify, ulong *session) {
    (void)slot, (void)flags, (void)application, (void)notify;
    if (fault("sessions") && opened >= 2) return SESSION_COUNT;
    if (fault("no-sessions")) return SESSION_COUNT;
    *session = (ulong)++opened;
    return OK;
}
static ulong C_CloseSession(ulong session) { (void)session; return OK; }
static ulong C_GetSessionInfo(ulong session, struct session_info *info) {
    (void)session;
    memset(info, 0, sizeof *info);
    info->state = 3;
    info->flags = 6;
    return OK;
}
static ulong C_Login(ulong session, ulong user, byte *pin, ulong length) {
    (void)session, (void)user, (void)pin, (void)length;
    note("logins");
    if (fault("wrong-pin")) return PIN_INCORRECT;
    if (fault("locked")) return PIN_LOCKED;
    return OK;
}
static ulong C_FindObjectsInit(ulong session, struct attribute *template, ulong count) {
    (void)session;
    hit_count = hit_at = 0;
    if (fault("deleted")) return OK;
    int there = keys();
    char none[NAME] = {0};
    for (int key = 0; key < there && hit_count < 8; key++) {
        int fits = memcmp(found[key], none, NAME) != 0;
        for (ulong at = 0; at < count; at++) {
            ulong wanted = template[at].value && template[at].length == 8 ? *(ulong *)template[at].value : 0;
            if (template[at].type == 0x102)
                fits = fits && template[at].length == NAME && memcmp(template[at].value, found[key], NAME) == 0;
            if (template[at].type == 0x0) fits = fits && wanted == 4;
        }
        if (fits) hits[hit_count++] = key;
    }
    return OK;
}
static ulong C_FindObjects(ulong session, ulong *list, ulong most, ulong *count) {
    (void)session;
    *count = 0;
    while (*count < most && hit_at < hit_count) list[(*count)++] = 100 + (ulong)hits[hit_at++];
    if (fault("handles")) *count = 1UL << 60;
    return OK;
}
static ulong C_FindObjectsFinal(ulong session) { (void)session; return OK; }
static ulong C_GetAttributeValue(ulong session, ulong object, struct attribute *template, ulong count) {
    (void)session, (void)object;
    for (ulong at = 0; at < count; at++) {
        byte said;
        switch (template[at].type) {
        case 0x103: said = !fault("open"); break; /* CKA_SENSITIVE */
        case 0x162: said = fault("open"); break;  /* CKA_EXTRACTABLE */
        default: template[at].length = ~0UL; continue;
        }
        if (template[at].value) *(byte *)template[at].value = said;
        template[at].length = 1;
    }
    return OK;
}
static ulong C_GenerateKey(ulong session, void *mechanism, struct attribute *template, ulong count, ulong *key) {
    (void)session, (void)mechanism;
    if (fault("full")) return MEMORY;
    for (ulong at = 0; at < count; at++) {
        if (template[at].type != 0x102 || template[at].length != NAME) continue;
        FILE *file = file_of("keys", "ab");
        if (!file) return GENERAL;
        flock(fileno(file), LOCK_EX);
        fwrite(template[at].value, NAME, 1, file);
        fflush(file);
        *key = 100 + (ulong)(ftell(file) / NAME) - 1;
        fclose(file);
        if (fault("crash-after")) abort();
        return OK;
    }
    return GENERAL;
}
static ulong C_DestroyObject(ulong session, ulong key) {
    (void)session;
    if (fault("sticky")) return GENERAL;
    char none[NAME] = {0};
    FILE *file = file_of("keys", "r+b");
    if (!file) return GENERAL;
    fseek(file, (long)(key - 100) * NAME, SEEK_SET);
    fwrite(none, NAME, 1, file);
    fclose(file);
    return OK;
}
static ulong C_SignInit(ulong session, void *mechanism, ulong key) {
    (void)session, (void)mechanism;
    if (fault("deleted")) return NO_KEY;
    int there = keys();
    char none[NAME] = {0};
    signing = (int)(key - 100);
    return signing < 0 || signing >= there || memcmp(found[signing], none, NAME) == 0 ? NO_KEY : OK;
}
static ulong C_Sign(ulong session, byte *data, ulong length, byte *signature, ulong *signature_length) {
    (void)session;
    reach();
    if (fault("crash")) *(volatile int *)8 = 1;
    if (fault("exit")) exit(0);
    if (fault("hang")) hang();
    if (fault("gone")) return REMOVED;
    if (fault("device")) return GENERAL;
    if (fault("huge")) {
        *signature_length = 1UL << 60;
        return OK;
    }
    if (fault("scribble") && signature) memset(signature, 0x55, 1UL << 30);
    if (fault("short")) {
        *signature_length = 1;
        return OK;
    }
    if (!signature) {
        *signature_length = LENGTH;
        return OK;
    }
    if (*signature_length < LENGTH) return TOO_SMALL;
    for (ulong at = 0; at < LENGTH; at++) signature[at] = (byte)found[signing][at % NAME];
    for (ulong at = 0; at < length; at++) signature[at % LENGTH] = (byte)(signature[at % LENGTH] * 31 + data[at]);
    *signature_length = LENGTH;
    return OK;
}
static ulong refused(void) { return NO_FUNCTION; }

/* The list of PKCS#11 2.40, in its order. */
static ulong C_GetFunctionListOf(void **list);
static struct {
    struct version version;
    void *functions[68];
} functions = {{2, 40}, {
    [0 ... 67] = (void *)refused,
    [0] = C_Initialize, C_Finalize, C_GetInfo, C_GetFunctionListOf, C_GetSlotList, C_GetSlotInfo, C_GetTokenInfo,
    C_GetMechanismList, C_GetMechanismInfo,
    [12] = C_OpenSession, C_CloseSession,
    [15] = C_GetSessionInfo,
    [18] = C_Login,
    [22] = C_DestroyObject,
    [24] = C_GetAttributeValue,
    [26] = C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal,
    [42] = C_SignInit, C_Sign,
    [58] = C_GenerateKey,
}};
static ulong C_GetFunctionListOf(void **list) {
    *list = fault("no-list") ? NULL : (void *)&functions;
    return OK;
}
ulong C_GetFunctionList(void **list) { return C_GetFunctionListOf(list); }

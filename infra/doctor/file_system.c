#include "infra/doctor/file_system.h"

#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

#define SUBJECT "tracker's file"

void file_system_judge(struct findings *findings, const char *path, unsigned type)
{
    /* statfs(2) and linux/magic.h */
    static const struct {
        unsigned type;
        enum finding_kind kind;
        const char *name;
    } known[] = {
        {0x6969, FOUND_FILE_SYSTEM, "NFS (as EFS is)"},
        {0x517b, FOUND_FILE_SYSTEM, "SMB"},
        {0xff534d42, FOUND_FILE_SYSTEM, "CIFS"},
        {0xfe534d42, FOUND_FILE_SYSTEM, "SMB 2"},
        {0x01021997, FOUND_FILE_SYSTEM, "9P"},
        {0x00c36400, FOUND_FILE_SYSTEM, "Ceph"},
        {0x0bd00bd0, FOUND_FILE_SYSTEM, "Lustre"},
        {0x01021994, FOUND_FILE_SYSTEM_PASSING, "memory (tmpfs)"},
        {0x858458f6, FOUND_FILE_SYSTEM_PASSING, "memory (ramfs)"},
        {0x794c7630, FOUND_FILE_SYSTEM_PASSING, "a container's own layer (overlayfs)"},
        {0x65735546, FOUND_NOT_LOOKED_AT, "FUSE, which may be a disk or a network"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (known[i].type == type) {
            findings_add(findings, known[i].kind, SUBJECT, "%s is on %s", path, known[i].name);
            return;
        }
    }
    findings_add(findings, FOUND_FINE, SUBJECT, "%s is on a disk of this machine", path);
}

const char *file_system_path(const char *tracker_url)
{
    static const char scheme[] = "sqlite:";
    return strncmp(tracker_url, scheme, sizeof(scheme) - 1) == 0 ? tracker_url + sizeof(scheme) - 1
                                                                 : NULL;
}

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return ".";
    }
    const size_t size = slash == path ? 1 : (size_t)(slash - path);
    return arena_text(arena, (struct slice){path, size});
}

void file_system_examine(struct findings *findings, const char *path)
{
    struct statfs facts;
    if (statfs(path, &facts) != 0 && statfs(folder_of(findings->arena, path), &facts) != 0) {
        findings_add(findings, FOUND_NOT_LOOKED_AT, SUBJECT, "%s: %s", path,
                     strerrordesc_np(errno));
        return;
    }
    file_system_judge(findings, path, (unsigned)facts.f_type);
}

/* A folder of this process' own below TMPDIR or /tmp. */
#ifndef RINGBACK_INFRA_LOCAL_TEMPORARY_FOLDER_H
#define RINGBACK_INFRA_LOCAL_TEMPORARY_FOLDER_H

/* environment: NULL-terminated NAME=VALUE. NULL with errno when it cannot be made. */
char *temporary_folder_make(char *const *environment);
/* Removes it with all that is in it, links not followed, and frees the path. */
void temporary_folder_remove(char *path);

#endif

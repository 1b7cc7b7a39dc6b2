/* A disk whose writes fail: preloaded into the bot, it stands between SQLite and the C library.
 *
 * While the file that FAILING_DISK names exists, calls that touch a database of SQLite fail as that file says: one line,
 * "write ERRNO" or "sync ERRNO". Nothing else of the process is touched.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int fd, const char *operation)
{
    const char *orders = getenv("FAILING_DISK");
    char order[64] = "", link[64], path[4096];
    if (!orders || access(orders, F_OK))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (!strstr(path, ".db"))
        return 0;
    int file = open(orders, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t size = read(file, order, sizeof order - 1);
    close(file);
    if (size <= 0 || strncmp(order, operation, strlen(operation)))
        return 0;
    errno = atoi(order + strlen(operation));
    return 1;
}

#define REAL(name) ({ \
    static __typeof__(&name) real; \
    real ? real : (real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)); })

ssize_t write(int fd, const void *data, size_t size)
{
    return fails(fd, "write") ? -1 : REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return fails(fd, "write") ? -1 : REAL(pwrite)(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return fails(fd, "write") ? -1 : REAL(pwrite64)(fd, data, size, offset);
}

int fsync(int fd)
{
    return fails(fd, "sync") ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return fails(fd, "sync") ? -1 : REAL(fdatasync)(fd);
}

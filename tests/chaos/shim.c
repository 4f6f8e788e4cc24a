/* A machine that goes wrong, for the processes that it is loaded into (LD_PRELOAD) and nobody else: a wall clock
 * that is off, a disk that refuses. HILRIG_CHAOS_SHIM names a file of three int64, read anew at every call:
 * by how many ns the wall clock is off; the errno of a refused call, 0 for none; every how manieth call is refused.
 * HILRIG_CHAOS_DISK is the folder of the disk: calls on files elsewhere go through.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *told;
static const char *disk;
static int64_t calls;

__attribute__((constructor)) static void begin(void)
{
  const char *path = getenv("HILRIG_CHAOS_SHIM");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0)
    return;
  void *at = mmap(NULL, 3 * sizeof *told, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (at != MAP_FAILED)
    told = at;
  disk = getenv("HILRIG_CHAOS_DISK");
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t id, struct timespec *to)
{
  static __typeof__(clock_gettime) *real;
  if (!real)
    real = REAL(clock_gettime);
  int done = real(id, to);
  if (done == 0 && told && told[0] && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    int64_t ns = (int64_t)to->tv_sec * 1000000000 + to->tv_nsec + told[0];
    to->tv_sec = ns / 1000000000;
    to->tv_nsec = ns % 1000000000;
  }
  return done;
}

static int refuses(int fd)
{
  if (!told || !told[1] || !disk)
    return 0;
  char name[64], path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(name, path, sizeof path - 1);
  if (n < 0)
    return 0;
  path[n] = 0;
  if (strncmp(path, disk, strlen(disk)) != 0)
    return 0;
  if (++calls % told[2] != 0)
    return 0;
  errno = (int)told[1];
  return 1;
}

#define REFUSING(type, name, parameters, arguments) \
  type name parameters \
  { \
    static __typeof__(name) *real; \
    if (!real) \
      real = REAL(name); \
    return refuses(fd) ? -1 : real arguments; \
  }

REFUSING(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
REFUSING(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n))
REFUSING(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
REFUSING(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
REFUSING(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n))
REFUSING(int, fsync, (int fd), (fd))
REFUSING(int, fdatasync, (int fd), (fd))

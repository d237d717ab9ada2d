/*
 * What the C xenstored asks of Xen, answered from a folder, so that it runs on a machine without Xen.
 *
 * The folder is named by SHIM_FOLDER:
 *   ring-N     the ring page of domain N; where there is none, its grant cannot be mapped
 *   states     a byte for each domain: 0 alive, 1 shut down, 2 gone
 *   events     our end of the event channels: who sends a port number there raises that port
 *   kick-N     the other end of domain N's channel; gets a byte for each notification
 *
 * VIRQ_DOM_EXC is port 1, the channel of domain N is port PORT_BASE + N. Time runs a hundred seconds at each
 * look, so that no domain is slowed down by the write rate limit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { VIRQ_PORT = 1, PORT_BASE = 1000, PAGE = 4096, DOMAINS = 0x7ff0, LOOK_SECONDS = 100 };
enum { ALIVE, SHUT_DOWN, GONE };

/* The head of xc_dominfo_t of 4.17; what follows is not looked at. */
struct dominfo {
    uint32_t domid, ssidref;
    uint32_t dying : 1, crashed : 1, shutdown : 1;
};

static struct sockaddr_un address_of(const char *name, unsigned number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, name, getenv("SHIM_FOLDER"), number);
    return address;
}

static int file_of(const char *name, unsigned number)
{
    struct sockaddr_un address = address_of(name, number);
    return syscall(SYS_openat, AT_FDCWD, address.sun_path, O_RDWR | O_CLOEXEC, 0);
}

static void *mapped(int fd, size_t size)
{
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Event channels: one datagram socket. */

void *xenevtchn_open(void *logger, unsigned flags)
{
    struct sockaddr_un address = address_of("%s/events", 0);
    int *fd = malloc(sizeof *fd);
    *fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(*fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    free(fd);
    return NULL;
}

void *xenevtchn_fdopen(void *logger, int fd, unsigned flags)
{
    errno = ENOSYS;
    return NULL;
}

int xenevtchn_fd(int *handle)
{
    return *handle;
}

int xenevtchn_bind_virq(int *handle, unsigned virq)
{
    return VIRQ_PORT;
}

int xenevtchn_bind_interdomain(int *handle, uint32_t domid, uint32_t remote_port)
{
    return PORT_BASE + domid;
}

int xenevtchn_unbind(int *handle, uint32_t port)
{
    return 0;
}

int xenevtchn_unmask(int *handle, uint32_t port)
{
    return 0;
}

int xenevtchn_notify(int *handle, uint32_t port)
{
    struct sockaddr_un address = address_of("%s/kick-%u", port - PORT_BASE);
    sendto(*handle, "", 1, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof address);
    return 0;
}

int xenevtchn_pending(int *handle)
{
    uint32_t port;
    return recv(*handle, &port, sizeof port, 0) == sizeof port ? (int)port : -1;
}

/* Grants: files. */

void *xengnttab_open(void *logger, unsigned flags)
{
    return malloc(1);
}

int xengnttab_close(void *handle)
{
    return 0;
}

int xengnttab_set_max_grants(void *handle, uint32_t count)
{
    return 0;
}

void *xengnttab_map_grant_ref(void *handle, uint32_t domid, uint32_t ref, int prot)
{
    void *page = mapped(file_of("%s/ring-%u", domid), PAGE);
    if (!page)
        errno = EINVAL;
    return page;
}

int xengnttab_unmap(void *handle, void *page, uint32_t count)
{
    return munmap(page, count * PAGE);
}

/* Domains: each exists until it is said to be gone. */

void *xc_interface_open(void *logger, void *builder, unsigned flags)
{
    return mapped(file_of("%s/states", 0), DOMAINS);
}

int xc_interface_close(void *handle)
{
    return 0;
}

int xc_domain_getinfo(const uint8_t *states, uint32_t first, unsigned count, struct dominfo *info)
{
    if (first >= DOMAINS || states[first] == GONE)
        return 0;
    info->domid = first;
    info->dying = info->crashed = 0;
    info->shutdown = states[first] == SHUT_DOWN;
    return 1;
}

/* dom0's own ring and port, which its kernel shows as files: nobody uses them here. */

static int of_dom0(const char *path)
{
    int fd = -1;
    if (strcmp(path, "/proc/xen/xsd_port") == 0) {
        fd = memfd_create("xsd_port", MFD_CLOEXEC);
        if (write(fd, "3", 1) != 1 || lseek(fd, 0, SEEK_SET) != 0)
            abort();
    } else if (strcmp(path, "/proc/xen/xsd_kva") == 0) {
        fd = memfd_create("xsd_kva", MFD_CLOEXEC);
        if (ftruncate(fd, PAGE) != 0)
            abort();
    }
    return fd;
}

int open(const char *path, int flags, ...)
{
    int fd = of_dom0(path);
    return fd >= 0 ? fd : (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

int open64(const char *path, int flags, ...)
{
    return open(path, flags);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static time_t looks;
    if (clock != CLOCK_MONOTONIC)
        return syscall(SYS_clock_gettime, clock, now);
    now->tv_sec = LOOK_SECONDS * ++looks;
    now->tv_nsec = 0;
    return 0;
}

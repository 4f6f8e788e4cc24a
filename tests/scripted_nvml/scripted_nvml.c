/* A libnvidia-ml.so.1 that answers from a script, for tests without a card.
 *
 * nvmlInit reads the file that SCRIPTED_NVML names, once. Times are seconds from `origin_ns` on CLOCK_MONOTONIC, or from
 * nvmlInit; scriptedNvmlSetTimeNs makes the time manual. One statement a line, `#` begins a comment:
 *
 *   driver 580.65.06 | cuda 13000 | origin_ns N          of the machine
 *   device NAME                                          what follows is of this device
 *   vbios TEXT
 *   set CURVE T VALUE | ramp CURVE T VALUE               a step to, or a straight line to, a value; see CURVES
 *   process compute|graphics|both pid N|pid_file PATH|pid_env NAME
 *   memory T BYTES                                       of the process above; -1: not available
 *   episode T T BITS shown|hidden                        of throttling; a hidden one moves only the counters
 *   field ID | flag ID VALUE                             field values: a counter of throttling, a 32-bit setting
 *   xid T NUMBER
 *   fail CALL CODE T | delay CALL US                     CALL `*`: all; before the first device: of all devices;
 *                                                        field_ID: one field value
 *
 * What a device was not told, it does not support. A call without a device fails for any of them. -DOLD_DRIVER leaves out the names that older drivers lack.
 * Layouts and numbers are those of NVIDIA's public NVML interface.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
       TIMEOUT = 10, VERSION_MISMATCH = 25, UNKNOWN = 999 };
enum { MANY = 64, NAME_SIZE = 96, RING_SIZE = 100 };
static const double NEVER = 1e30;
static const uint64_t NOT_AVAILABLE = UINT64_MAX;
static const uint64_t WALL_US = 1700000000000000ULL;  /* what the wall clock of the samples says at time 0 */

/* ---------------------------------------------------------------------------------------------------- the script */

#define CURVES(X)                                                                                                      \
    X(temperature_c) X(slowdown_c) X(clock_graphics_mhz) X(clock_memory_mhz) X(clock_graphics_max_mhz)                \
    X(clock_memory_max_mhz) X(applications_clock_mhz) X(power_mw) X(power_limit_mw) X(energy_mj) X(utilization_pct)   \
    X(sample_period_ms) X(memory_used) X(memory_reserved) X(memory_total) X(fan_pct) X(ecc_uncorrected) X(reasons)    \
    X(supported_reasons) X(persistence) X(accounting) X(xid_events) X(compute_list) X(graphics_list)
#define AS_ENUM(name) name,
#define AS_TEXT(name) #name,
enum { CURVES(AS_ENUM) CURVE_COUNT };
static const char *const CURVE_NAMES[] = { CURVES(AS_TEXT) };

typedef struct { double t_s, value; int straight; } Point;
typedef struct { Point points[MANY]; int n; } Curve;
typedef struct { int compute, graphics; char kind[NAME_SIZE], value[256]; Curve memory; } Process;
typedef struct { double begin_s, end_s; uint64_t bits; int shown; } Episode;
typedef struct { unsigned id, value; int is_flag; } Field;
typedef struct { double t_s; unsigned number; } Xid;
typedef struct { char call[NAME_SIZE]; int device, code; double from_s; } Failure;
typedef struct { char call[NAME_SIZE]; int device; long us; } Delay;
typedef struct {
    char name[NAME_SIZE], vbios[NAME_SIZE];
    Curve curves[CURVE_COUNT];
    Process processes[MANY]; int n_processes;
    Episode episodes[MANY]; int n_episodes;
    Field fields[MANY]; int n_fields;
    Xid xids[MANY]; int n_xids;
} Device;
typedef struct { double registered_s; int next[4]; Device *device; } EventSet;

static struct {
    int users;
    char driver[NAME_SIZE];
    int cuda;
    int64_t origin_ns;
    Device devices[4]; int n_devices;
    Failure failures[MANY]; int n_failures;
    Delay delays[MANY]; int n_delays;
} script;
static int64_t manual_ns = -1;

/* Make the time manual, or follow the clock again (negative). */
void scriptedNvmlSetTimeNs(int64_t t_ns) { manual_ns = t_ns; }

/* Forget every session: the next nvmlInit reads a script. */
void scriptedNvmlForget(void) { script.users = 0; }

static double now_s(void)
{
    struct timespec now;
    if (manual_ns >= 0) return (double)manual_ns / 1e9;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec * 1000000000LL + now.tv_nsec - script.origin_ns) / 1e9;
}

static int add_point(Curve *curve, double t_s, double value, int straight)
{
    if (curve->n == MANY) return 0;
    curve->points[curve->n++] = (Point){ t_s, value, straight };
    return 1;
}

static double at(const Curve *curve, double t_s)
{
    double value = curve->points[0].value;
    for (int i = 0; i < curve->n; i++) {
        const Point *point = &curve->points[i], *before = &curve->points[i ? i - 1 : 0];
        if (point->t_s <= t_s)
            value = point->value;
        else if (point->straight && before->t_s <= t_s)
            value += (point->value - before->value) * (t_s - before->t_s) / (point->t_s - before->t_s);
    }
    return value;
}

static int parse_machine(const char *line)
{
    Failure failure = { .device = script.n_devices - 1 };
    Delay delay = { .device = script.n_devices - 1 };
    if (sscanf(line, "driver %95[^\n]", script.driver) == 1) return 1;
    if (sscanf(line, "cuda %d", &script.cuda) == 1) return 1;
    if (sscanf(line, "origin_ns %" SCNd64, &script.origin_ns) == 1) return 1;
    if (sscanf(line, "fail %95s %d %lf", failure.call, &failure.code, &failure.from_s) == 3 && script.n_failures < MANY)
        return script.failures[script.n_failures++] = failure, 1;
    if (sscanf(line, "delay %95s %ld", delay.call, &delay.us) == 2 && script.n_delays < MANY)
        return script.delays[script.n_delays++] = delay, 1;
    if (script.n_devices < 4 && sscanf(line, "device %95[^\n]", script.devices[script.n_devices].name) == 1)
        return script.n_devices++, 1;
    return 0;
}

static int parse_curve(Device *device, const char *line)
{
    char how[8], name[NAME_SIZE];
    double t_s, value;
    if (sscanf(line, "%7s %95s %lf %lf", how, name, &t_s, &value) != 4) return 0;
    if (strcmp(how, "set") && strcmp(how, "ramp")) return 0;
    for (int i = 0; i < CURVE_COUNT; i++)
        if (!strcmp(name, CURVE_NAMES[i])) return add_point(&device->curves[i], t_s, value, how[0] == 'r');
    return 0;
}

static int parse_process(Device *device, const char *line)
{
    char which[NAME_SIZE];
    double t_s, bytes;
    Process process = { 0 };
    if (sscanf(line, "process %95s %95s %255[^\n]", which, process.kind, process.value) == 3) {
        process.compute = which[0] != 'g';
        process.graphics = which[0] != 'c';
        if (device->n_processes == MANY) return 0;
        return device->processes[device->n_processes++] = process, 1;
    }
    if (device->n_processes && sscanf(line, "memory %lf %lf", &t_s, &bytes) == 2)
        return add_point(&device->processes[device->n_processes - 1].memory, t_s, bytes, 0);
    return 0;
}

static int parse_device(Device *device, const char *line)
{
    char shown[8];
    Episode episode;
    Field field = { 0 };
    Xid xid;
    if (sscanf(line, "vbios %95[^\n]", device->vbios) == 1) return 1;
    if (sscanf(line, "episode %lf %lf %" SCNi64 " %7s", &episode.begin_s, &episode.end_s, (int64_t *)&episode.bits,
               shown) == 4 && device->n_episodes < MANY) {
        episode.shown = !strcmp(shown, "shown");
        return device->episodes[device->n_episodes++] = episode, 1;
    }
    if (sscanf(line, "field %u", &field.id) == 1 && device->n_fields < MANY)
        return device->fields[device->n_fields++] = field, 1;
    if (sscanf(line, "flag %u %u", &field.id, &field.value) == 2 && device->n_fields < MANY) {
        field.is_flag = 1;
        return device->fields[device->n_fields++] = field, 1;
    }
    if (sscanf(line, "xid %lf %u", &xid.t_s, &xid.number) == 2 && device->n_xids < MANY)
        return device->xids[device->n_xids++] = xid, 1;
    return parse_curve(device, line) || parse_process(device, line);
}

static int read_script(void)
{
    char line[512];
    struct timespec now;
    const char *path = getenv("SCRIPTED_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return fprintf(stderr, "scripted nvml: no script: SCRIPTED_NVML=%s\n", path ? path : ""), UNKNOWN;
    memset(&script, 0, sizeof script);
    clock_gettime(CLOCK_MONOTONIC, &now);
    script.origin_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    while (fgets(line, sizeof line, file)) {
        Device *device = script.n_devices ? &script.devices[script.n_devices - 1] : NULL;
        if (line[0] == '#' || line[0] == '\n' || parse_machine(line) || (device && parse_device(device, line))) continue;
        fprintf(stderr, "scripted nvml: cannot read: %s", line);
        fclose(file);
        return UNKNOWN;
    }
    fclose(file);
    return SUCCESS;
}

/* ------------------------------------------------------------------------------------------------------ the calls */

static int enter(const char *call, const Device *device)
{
    int index = device ? (int)(device - script.devices) : -1;
    if (!script.users) return UNINITIALIZED;
    for (int i = 0; i < script.n_delays; i++) {
        const Delay *delay = &script.delays[i];
        if ((delay->device < 0 || !device || delay->device == index) && (!strcmp(delay->call, call) || (delay->call[0] == '*' && device))) {
            struct timespec wait = { delay->us / 1000000, delay->us % 1000000 * 1000 };
            nanosleep(&wait, NULL);
        }
    }
    for (int i = 0; i < script.n_failures; i++) {
        const Failure *failure = &script.failures[i];
        int named = !strcmp(failure->call, call) || (failure->call[0] == '*' && device);
        if ((failure->device < 0 || !device || failure->device == index) && named && failure->from_s <= now_s())
            return failure->code;
    }
    return SUCCESS;
}

#define ENTER(device)                                                                                                  \
    do {                                                                                                               \
        int code = enter(__func__, device);                                                                            \
        if (code) return code;                                                                                         \
    } while (0)

/* The value of a curve that the call stands for; a device without that curve does not support the call. */
#define ANSWER(device, which, result, type)                                                                            \
    do {                                                                                                               \
        ENTER(device);                                                                                                 \
        if (!(device)->curves[which].n) return NOT_SUPPORTED;                                                          \
        *(result) = (type)at(&(device)->curves[which], now_s());                                                       \
        return SUCCESS;                                                                                                \
    } while (0)

static int text(char *into, unsigned size, const char *what)
{
    if (!what[0]) return NOT_SUPPORTED;
    if (strlen(what) >= size) return INSUFFICIENT_SIZE;
    strcpy(into, what);
    return SUCCESS;
}

static int start(void)
{
    if (!script.users) {
        int code = read_script();
        if (code) return code;
    }
    script.users++;
    return SUCCESS;
}

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    int code = start();
    for (int i = 0; !code && i < script.n_failures; i++)
        if (!strcmp(script.failures[i].call, __func__)) return script.users--, script.failures[i].code;
    return code;
}

int nvmlShutdown(void)
{
    ENTER(NULL);
    script.users--;
    return SUCCESS;
}

const char *nvmlErrorString(int code) { return code == SUCCESS ? "Success" : "Scripted error"; }

int nvmlSystemGetDriverVersion(char *into, unsigned size) { ENTER(NULL); return text(into, size, script.driver); }

int nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    ENTER(NULL);
    if (!script.cuda) return NOT_SUPPORTED;
    *version = script.cuda;
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) { ENTER(NULL); *count = (unsigned)script.n_devices; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device)
{
    if (index >= (unsigned)script.n_devices) return INVALID_ARGUMENT;
    ENTER(&script.devices[index]);
    *device = &script.devices[index];
    return SUCCESS;
}

int nvmlDeviceGetName(Device *device, char *into, unsigned size) { ENTER(NULL); return text(into, size, device->name); }

int nvmlDeviceGetVbiosVersion(Device *device, char *into, unsigned size)
{
    ENTER(device);
    return text(into, size, device->vbios);
}

int nvmlDeviceGetPersistenceMode(Device *device, unsigned *mode) { ANSWER(device, persistence, mode, unsigned); }

/* ------------------------------------------------------------------------------------------ memory and processes */

typedef struct { uint64_t total, free, used; } Memory;
typedef struct { unsigned version; uint64_t total, reserved, free, used; } MemoryV2;
typedef struct { unsigned pid; uint64_t used; unsigned gpu_instance, compute_instance; } ProcessInfo;
typedef struct { unsigned gpu, memory; uint64_t peak, time, start; unsigned running, reserved[5]; } Accounting;

static uint64_t value_of(Device *device, int which)
{
    return device->curves[which].n ? (uint64_t)at(&device->curves[which], now_s()) : 0;
}

static MemoryV2 memory_of(Device *device)
{
    uint64_t total = value_of(device, memory_total), reserved = value_of(device, memory_reserved);
    uint64_t used = value_of(device, memory_used);
    return (MemoryV2){ 0, total, reserved, total - reserved - used, used };
}

int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory)
{
    ENTER(device);
    if (!device->curves[memory_total].n) return NOT_SUPPORTED;
    MemoryV2 now = memory_of(device);
    *memory = (Memory){ now.total, now.free, now.used + now.reserved };
    return SUCCESS;
}

#ifndef OLD_DRIVER
int nvmlDeviceGetMemoryInfo_v2(Device *device, MemoryV2 *memory)
{
    ENTER(device);
    if (!device->curves[memory_total].n) return NOT_SUPPORTED;
    if (memory->version != 0x02000028) return VERSION_MISMATCH;
    *memory = memory_of(device);
    memory->version = 0x02000028;
    return SUCCESS;
}
#endif

static unsigned pid_of(const Process *process)
{
    unsigned pid = 0;
    const char *from = process->value;
    if (!strcmp(process->kind, "pid_file")) {
        FILE *file = fopen(process->value, "r");
        if (!file || fscanf(file, "%u", &pid) != 1) pid = 0;
        if (file) fclose(file);
        return pid;
    }
    if (!strcmp(process->kind, "pid_env")) from = getenv(process->value);
    return from ? (unsigned)strtoul(from, NULL, 10) : 0;
}

static int list(Device *device, int which, unsigned *count, ProcessInfo *into)
{
    unsigned room = into ? *count : 0, n = 0;
    if (!device->curves[which].n) return NOT_SUPPORTED;
    for (int i = 0; i < device->n_processes; i++) {
        const Process *process = &device->processes[i];
        double bytes = process->memory.n ? at(&process->memory, now_s()) : -1;
        unsigned pid = pid_of(process);
        if (!pid || !(which == compute_list ? process->compute : process->graphics)) continue;
        if (n < room) into[n] = (ProcessInfo){ pid, bytes < 0 ? NOT_AVAILABLE : (uint64_t)bytes, ~0u, ~0u };
        n++;
    }
    *count = n;
    return n > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v2(Device *device, unsigned *count, ProcessInfo *into)
{
    ENTER(device);
    return list(device, compute_list, count, into);
}

int nvmlDeviceGetGraphicsRunningProcesses_v2(Device *device, unsigned *count, ProcessInfo *into)
{
    ENTER(device);
    return list(device, graphics_list, count, into);
}

#ifndef OLD_DRIVER
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, ProcessInfo *into)
{
    ENTER(device);
    return list(device, compute_list, count, into);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Device *device, unsigned *count, ProcessInfo *into)
{
    ENTER(device);
    return list(device, graphics_list, count, into);
}
#endif

int nvmlDeviceGetAccountingMode(Device *device, unsigned *mode) { ANSWER(device, accounting, mode, unsigned); }

int nvmlDeviceGetAccountingStats(Device *device, unsigned pid, Accounting *stats)
{
    ENTER(device);
    if (!value_of(device, accounting)) return NOT_SUPPORTED;
    for (int i = 0; i < device->n_processes; i++) {
        const Process *process = &device->processes[i];
        double peak = 0;
        if (pid_of(process) != pid) continue;
        for (int j = 0; j < process->memory.n; j++)
            if (process->memory.points[j].t_s <= now_s() && process->memory.points[j].value > peak)
                peak = process->memory.points[j].value;
        *stats = (Accounting){ .peak = (uint64_t)peak, .running = at(&process->memory, now_s()) > 0 };
        return SUCCESS;
    }
    return NOT_FOUND;
}

/* --------------------------------------------------------------------------------------- utilisation, clocks, heat */

typedef struct { unsigned gpu, memory; } Utilization;
typedef union { double d; unsigned u; uint64_t ull; } Value;
typedef struct { uint64_t t_us; Value value; } Sample;

int nvmlDeviceGetUtilizationRates(Device *device, Utilization *rates) { ANSWER(device, utilization_pct, &rates->gpu, unsigned); }

int nvmlDeviceGetSamples(Device *device, int kind, uint64_t seen_us, int *type, unsigned *count, Sample *into)
{
    ENTER(device);
    if (kind != 1 || !device->curves[sample_period_ms].n) return NOT_SUPPORTED;
    *type = 1;
    if (!into) return *count = RING_SIZE, SUCCESS;
    double period_s = at(&device->curves[sample_period_ms], 0) / 1000;
    long last = (long)(now_s() / period_s), first = last < RING_SIZE ? 0 : last - RING_SIZE + 1;
    unsigned n = 0;
    for (long k = first; k <= last && n < *count; k++) {
        uint64_t t_us = WALL_US + (uint64_t)((double)k * period_s * 1e6);
        if (t_us <= seen_us) continue;
        into[n].t_us = t_us;
        into[n++].value.u = (unsigned)at(&device->curves[utilization_pct], (double)k * period_s);
    }
    *count = n;
    return n ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetClockInfo(Device *device, unsigned which, unsigned *mhz)
{
    ANSWER(device, which == 0 ? clock_graphics_mhz : clock_memory_mhz, mhz, unsigned);
}

int nvmlDeviceGetMaxClockInfo(Device *device, unsigned which, unsigned *mhz)
{
    ANSWER(device, which == 0 ? clock_graphics_max_mhz : clock_memory_max_mhz, mhz, unsigned);
}

int nvmlDeviceGetApplicationsClock(Device *device, unsigned which, unsigned *mhz)
{
    (void)which;
    ANSWER(device, applications_clock_mhz, mhz, unsigned);
}

int nvmlDeviceGetTemperature(Device *device, unsigned sensor, unsigned *celsius)
{
    (void)sensor;
    ANSWER(device, temperature_c, celsius, unsigned);
}

#ifndef OLD_DRIVER
typedef struct { unsigned version, sensor; int celsius; } Temperature;

int nvmlDeviceGetTemperatureV(Device *device, Temperature *temperature)
{
    if (temperature->version != 0x100000C) return VERSION_MISMATCH;
    ANSWER(device, temperature_c, &temperature->celsius, int);
}
#endif

int nvmlDeviceGetTemperatureThreshold(Device *device, unsigned which, unsigned *celsius)
{
    if (which != 1) return NOT_SUPPORTED;
    ANSWER(device, slowdown_c, celsius, unsigned);
}

int nvmlDeviceGetPowerUsage(Device *device, unsigned *mw) { ANSWER(device, power_mw, mw, unsigned); }

int nvmlDeviceGetTotalEnergyConsumption(Device *device, uint64_t *mj) { ANSWER(device, energy_mj, mj, uint64_t); }

int nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned *mw) { ANSWER(device, power_limit_mw, mw, unsigned); }

int nvmlDeviceGetFanSpeed(Device *device, unsigned *pct) { ANSWER(device, fan_pct, pct, unsigned); }

int nvmlDeviceGetTotalEccErrors(Device *device, unsigned kind, unsigned counter, uint64_t *count)
{
    if (kind != 1 || counter != 0) return NOT_SUPPORTED;
    ANSWER(device, ecc_uncorrected, count, uint64_t);
}

/* ------------------------------------------------------------------------------------------------------ throttling */

static int reasons_now(Device *device, uint64_t *bits)
{
    if (!device->curves[reasons].n) return NOT_SUPPORTED;
    *bits = value_of(device, reasons);
    for (int i = 0; i < device->n_episodes; i++) {
        const Episode *episode = &device->episodes[i];
        if (episode->shown && episode->begin_s <= now_s() && now_s() < episode->end_s) *bits |= episode->bits;
    }
    return SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(Device *device, uint64_t *bits)
{
    ENTER(device);
    return reasons_now(device, bits);
}

int nvmlDeviceGetSupportedClocksThrottleReasons(Device *device, uint64_t *bits)
{
    ANSWER(device, supported_reasons, bits, uint64_t);
}

#ifndef OLD_DRIVER
int nvmlDeviceGetCurrentClocksEventReasons(Device *device, uint64_t *bits)
{
    ENTER(device);
    return reasons_now(device, bits);
}

int nvmlDeviceGetSupportedClocksEventReasons(Device *device, uint64_t *bits)
{
    ANSWER(device, supported_reasons, bits, uint64_t);
}
#endif

typedef struct { unsigned id, scope; int64_t t, latency; int type, code; Value value; } FieldValue;

static uint64_t bits_of_field(unsigned id)
{
    switch (id) {
    case 74: return 0x4 | 0x80;
    case 75: return 0x20 | 0x40;
    case 77: return 0x200;
    case 251: case 269: return 0x20;
    case 252: case 270: return 0x40;
    case 253: case 271: return 0x80;
    default: return 0;
    }
}

static uint64_t throttled_ns(Device *device, uint64_t bits)
{
    double total_s = 0;
    for (int i = 0; i < device->n_episodes; i++) {
        const Episode *episode = &device->episodes[i];
        double end_s = episode->end_s < now_s() ? episode->end_s : now_s();
        if ((episode->bits & bits) && end_s > episode->begin_s) total_s += end_s - episode->begin_s;
    }
    return (uint64_t)(total_s * 1e9 + 0.5);
}

static int field_failure(Device *device, unsigned id)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "field_%u", id);
    return enter(name, device);
}

int nvmlDeviceGetFieldValues(Device *device, int count, FieldValue *values)
{
    ENTER(device);
    if (!device->n_fields) return NOT_SUPPORTED;
    for (int i = 0; i < count; i++) {
        FieldValue *value = &values[i];
        value->code = NOT_SUPPORTED;
        for (int j = 0; j < device->n_fields; j++) {
            const Field *field = &device->fields[j];
            if (field->id != value->id) continue;
            value->code = field_failure(device, field->id);
            value->type = field->is_flag ? 1 : 3;
            if (value->code == SUCCESS && field->is_flag) value->value.u = field->value;
            else if (value->code == SUCCESS) value->value.ull = throttled_ns(device, bits_of_field(field->id));
        }
    }
    return SUCCESS;
}

/* ---------------------------------------------------------------------------------------------------------- events */

typedef struct { Device *device; uint64_t type, data; unsigned gpu_instance, compute_instance; } Event;

int nvmlEventSetCreate(EventSet **set)
{
    ENTER(NULL);
    *set = calloc(1, sizeof **set);
    if (!*set) return UNKNOWN;
    (*set)->registered_s = NEVER;
    return SUCCESS;
}

int nvmlDeviceRegisterEvents(Device *device, uint64_t types, EventSet *set)
{
    ENTER(device);
    if (types != 0x8 || !device->curves[xid_events].n) return NOT_SUPPORTED;
    set->device = device;
    set->registered_s = now_s();
    return SUCCESS;
}

int nvmlEventSetWait_v2(EventSet *set, Event *event, unsigned timeout_ms)
{
    (void)timeout_ms;
    if (!set) return INVALID_ARGUMENT;
    Device *device = set->device;
    ENTER(device);
    for (int *next = &set->next[0]; device && *next < device->n_xids && device->xids[*next].t_s <= now_s();) {
        const Xid *xid = &device->xids[(*next)++];
        if (xid->t_s < set->registered_s) continue;
        *event = (Event){ device, 0x8, xid->number, ~0u, ~0u };
        return SUCCESS;
    }
    return TIMEOUT;
}

int nvmlEventSetFree(EventSet *set)
{
    ENTER(NULL);
    free(set);
    return SUCCESS;
}

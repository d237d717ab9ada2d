/* What Xen's own libraries make of xl.cfg files, as lines of JSON.
 *
 * Usage: xl_oracle < CASES. A case is a kind, a length, and that many bytes, as "file 12\n" and the bytes:
 *   file   an xl.cfg: what libxlutil's reader takes, with every key that is asked for behind it
 *   disk   one disk specification
 *   vdev   one name of a virtual device
 *   rate   the rate of one interface
 *   mac    one MAC address, as libxl reads it
 * A file's keys are asked for by "key LENGTH\n" and the name, after it.
 * Text is printed in hex, as it need not be text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libxl.h>
#include <libxlutil.h>

/* Not in a header, but in the static library. */
int libxl__device_disk_dev_number(const char *virtpath, int *pdisk, int *ppartition);
int libxl__parse_mac(const char *s, libxl_mac mac);

static FILE *nowhere;

static void text(const char *name, const char *value)
{
    printf("\"%s\": ", name);
    if (!value) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *value; value++)
        printf("%02x", (unsigned char)*value);
    putchar('"');
}

static void list(const XLU_Config *config, XLU_ConfigList *values)
{
    XLU_ConfigValue *value;
    putchar('[');
    for (int at = 0; (value = xlu_cfg_get_listitem2(values, at)); at++) {
        XLU_ConfigList *inner;
        char *string;
        if (at)
            printf(", ");
        if (!xlu_cfg_value_get_list(config, value, &inner, 1))
            list(config, inner);
        else if (!xlu_cfg_value_get_string(config, value, &string, 1)) {
            putchar('{');
            text("text", string);
            putchar('}');
        }
    }
    putchar(']');
}

static void disk(const char *specification)
{
    XLU_Config *config = xlu_cfg_init(nowhere, "disk");
    libxl_device_disk found;
    libxl_device_disk_init(&found);
    int error = xlu_disk_parse(config, 1, &specification, &found);
    printf("{\"error\": %d, ", error);
    text("target", found.pdev_path);
    printf(", ");
    text("vdev", found.vdev);
    printf(", ");
    text("script", found.script);
    printf(", ");
    text("backend", found.backend_domname);
    printf(", \"format\": \"%s\", \"backendtype\": \"%s\", \"writable\": %d, \"cdrom\": %d, \"removable\": %d}\n",
           libxl_disk_format_to_string(found.format), libxl_disk_backend_to_string(found.backend),
           found.readwrite, found.is_cdrom, found.removable);
    libxl_device_disk_dispose(&found);
    xlu_cfg_destroy(config);
}

static void rate(const char *given)
{
    XLU_Config *config = xlu_cfg_init(nowhere, "vif");
    libxl_device_nic found;
    libxl_device_nic_init(&found);
    errno = 0; /* or a number that was too large once is too large ever after */
    int error = xlu_vif_parse_rate(config, given, &found);
    printf("{\"error\": %d, \"bytes\": %llu, \"usecs\": %u}\n", error,
           (unsigned long long)found.rate_bytes_per_interval, found.rate_interval_usecs);
    libxl_device_nic_dispose(&found);
    xlu_cfg_destroy(config);
}

static void mac(const char *given)
{
    libxl_mac found;
    int error = libxl__parse_mac(given, found);
    printf("{\"error\": %d, \"mac\": \"", error);
    for (int at = 0; !error && at < 6; at++)
        printf("%02x%s", found[at], at < 5 ? ":" : "");
    printf("\"}\n");
}

static void key(const XLU_Config *config, const char *name)
{
    XLU_ConfigList *values;
    const char *string;
    long number;
    if (!xlu_cfg_get_list(config, name, &values, NULL, 1)) {
        printf("{\"list\": ");
        list(config, values);
        printf("}\n");
    } else if (!xlu_cfg_get_string(config, name, &string, 1)) {
        putchar('{');
        text("text", string);
        if (!xlu_cfg_get_long(config, name, &number, 1))
            printf(", \"number\": %ld", number);
        printf("}\n");
    } else
        printf("null\n");
}

int main(void)
{
    XLU_Config *config = NULL;
    char kind[8];
    int length;
    nowhere = fopen("/dev/null", "w");
    while (scanf("%7s %d", kind, &length) == 2 && getchar() == '\n') {
        char *bytes = calloc(1, length + 1);
        if (fread(bytes, 1, length, stdin) != (size_t)length)
            return 1;
        if (!strcmp(kind, "file")) {
            config = xlu_cfg_init(nowhere, "file");
            printf("{\"error\": %d}\n", xlu_cfg_readdata(config, bytes, length));
        } else if (!strcmp(kind, "key"))
            key(config, bytes);
        else if (!strcmp(kind, "disk"))
            disk(bytes);
        else if (!strcmp(kind, "rate"))
            rate(bytes);
        else if (!strcmp(kind, "mac"))
            mac(bytes);
        else
            printf("{\"number\": %d}\n", libxl__device_disk_dev_number(bytes, NULL, NULL));
        free(bytes);
    }
    return 0;
}

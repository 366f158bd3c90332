<?php
// Run once by PHP's command line in the folder of a fresh WordPress: tables, permalinks, two people, their passwords.
// Only the set-up is here: everything that is answered later comes from WordPress. Prints {"admin": …, "reader": …}.
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '127.0.0.1';
require 'wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Conn', 'admin', 'admin@example.com', true, '', wp_generate_password());
global $wpdb, $wp_rewrite;
$wp_rewrite->set_permalink_structure('/%postname%/');
flush_rewrite_rules();
update_option('posts_per_rss', 100);
wp_delete_post(1, true);
for ($n = 0; $n < (int) getenv('POSTS'); $n++) {
    $at = gmdate('Y-m-d H:i:s', 1577836800 + 60 * $n);
    $wpdb->insert($wpdb->posts, [
        'post_author' => 1, 'post_date' => $at, 'post_date_gmt' => $at, 'post_modified' => $at, 'post_modified_gmt' => $at,
        'post_content' => "body $n", 'post_title' => "Post $n", 'post_name' => "post-$n", 'post_status' => 'publish',
        'post_excerpt' => '', 'to_ping' => '', 'pinged' => '', 'post_content_filtered' => '', 'post_type' => 'post',
    ]);
}
$reader = wp_create_user('reader', wp_generate_password(), 'reader@example.com');
[$first] = WP_Application_Passwords::create_new_application_password(1, ['name' => 'conn']);
[$second] = WP_Application_Passwords::create_new_application_password($reader, ['name' => 'conn']);
echo json_encode(['admin' => $first, 'reader' => $second]);

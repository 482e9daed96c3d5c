<?php get_header(); ?>ok<?php get_footer();

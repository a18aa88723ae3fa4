//! Crawlers by their user agents: parts that the operators publish and nobody else sends.
//!
//! Monitors (uptime checks, the team's own scripts) are not crawlers and not here.

/// Lower case. From the public documentation of each operator.
const CRAWLERS: &[&str] = &[
    // Google: Search, Ads, previews and fetchers.
    "googlebot",
    "adsbot-google",
    "mediapartners-google",
    "apis-google",
    "feedfetcher-google",
    "google-inspectiontool",
    "googleother",
    "google-extended",
    "storebot-google",
    "google-read-aloud",
    "google-site-verification",
    // Other search engines.
    "bingbot",
    "bingpreview",
    "msnbot",
    "adidxbot",
    "yahoo! slurp",
    "duckduckbot",
    "duckassistbot",
    "baiduspider",
    "yandexbot",
    "yandeximages",
    "yandex.com/bots",
    "sogou web spider",
    "sogou inst spider",
    "seznambot",
    "petalbot",
    "applebot",
    "qwantbot",
    "qwantify",
    "mojeekbot",
    "naverbot",
    "yeti/",
    "coccocbot",
    "exabot",
    "360spider",
    "bytespider",
    "neevabot",
    // Archives.
    "ia_archiver",
    "archive.org_bot",
    "ccbot/",
    // Link previews.
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalagent",
    "meta-externalfetcher",
    "twitterbot",
    "linkedinbot",
    "pinterestbot",
    "pinterest/0.",
    "slackbot-linkexpanding",
    "slack-imgproxy",
    "telegrambot",
    "discordbot",
    "whatsapp/",
    "skypeuripreview",
    "redditbot",
    "embedly",
    // Models and their assistants.
    "gptbot",
    "oai-searchbot",
    "chatgpt-user",
    "claudebot",
    "claude-user",
    "claude-searchbot",
    "anthropic-ai",
    "perplexitybot",
    "perplexity-user",
    "amazonbot",
    "cohere-ai",
    "diffbot",
    "youbot",
    "timpibot",
    "imagesiftbot",
    // Search-engine optimisation and market research.
    "ahrefsbot",
    "ahrefssiteaudit",
    "semrushbot",
    "siteauditbot",
    "mj12bot",
    "dotbot",
    "rogerbot",
    "blexbot",
    "dataforseobot",
    "serpstatbot",
    "screaming frog seo spider",
    "barkrowler",
    "megaindex",
    "linkdexbot",
    "zoominfobot",
    // Scans of the whole network.
    "censysinspect",
    "expanse, a palo alto networks company",
    "internetmeasurement/",
    "netcraftsurveyagent",
    "zgrab/",
    "nuclei -",
];

/// Whether a user agent is that of a known crawler.
pub(super) fn is_crawler(user_agent: &str) -> bool {
    let lower = user_agent.to_ascii_lowercase();
    CRAWLERS.iter().any(|part| lower.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crawlers_are_told_from_browsers_and_scripts() {
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        ] {
            assert!(is_crawler(agent), "{agent}");
        }
        for agent in [
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1",
            "python-requests/2.32.3",
            "curl/8.10.1",
            "kube-probe/1.31",
            "Slackbot 1.0 (+https://api.slack.com/robots)",
            "",
        ] {
            assert!(!is_crawler(agent), "{agent}");
        }
    }

    #[test]
    fn the_table_is_in_lower_case_and_without_doubles() {
        for (index, part) in CRAWLERS.iter().enumerate() {
            assert_eq!(*part, part.to_ascii_lowercase());
            assert!(!CRAWLERS[..index].contains(part), "{part}");
        }
    }
}
